using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary><see cref="Halting"/>, <see cref="SingleStep"/> and <see cref="DebugRegisters"/>: where a thread comes to stand.</summary>
[Collection(HeldCollection.Name)]
public sealed class StoppingTests
{
    private const byte Nop = 0x90;
    private static readonly byte[] s_spin = [0xeb, 0xfe];

    [Fact]
    public void A_thread_that_runs_is_halted_where_it_is() => HeldProgram.Run(held =>
    {
        held.Put(s_spin);
        ulong rip = held.Thread.Peek().Rip;
        for (int i = 0; i < 3; i++)
        {
            held.Resume();
            Assert.False(held.Thread.Stopped);
            Assert.Equal(HaltResult.Stands, Halt(held, out ProgramEvent happened));
            Assert.Equal((EventKind.Halted, rip), (happened.Kind, held.Thread.Peek().Rip));
        }
    });

    [Fact]
    public void What_it_met_on_the_way_is_told() => HeldProgram.Run(held =>
    {
        held.Put(s_spin);
        held.Resume();
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGUSR2));

        // The signal comes first, and the interrupt is still there behind it.
        Assert.Equal(HaltResult.Stands, Halt(held, out ProgramEvent happened));
        Assert.True(happened is { Kind: EventKind.Signal, Signal: Signal.SIGUSR2 } or { Kind: EventKind.Halted });
        ProgramEvent next = happened.Kind == EventKind.Halted ? held.ResumeToEvent() : held.ResumeToEvent(Signal.SIGUSR2);
        Assert.True(next is { Kind: EventKind.Ended, EndedBy: Signal.SIGUSR2 } or { Kind: EventKind.Halted } or { Signal: Signal.SIGUSR2 });
    });

    [Fact]
    public void One_that_was_killed_is_gone_and_its_end_is_told_once() => HeldProgram.Run(held =>
    {
        held.Put(s_spin);
        held.Resume();
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGKILL));
        Assert.True(
            SpinWait.SpinUntil(() => HostKernel.StatusField(held.Id, "State:")?.StartsWith('Z') != false, TimeSpan.FromSeconds(10)));

        HaltResult result = Halt(held, out _);
        Assert.Equal(HaltResult.Gone, result);
        Assert.Equal(Signal.SIGKILL, held.Next().EndedBy);
        Assert.False(held.Platform.AnyParked);
        Assert.True(held.Platform.IsGone(held.Thread));
    });

    [Fact]
    public void A_step_is_one_instruction() => HeldProgram.Run(held =>
    {
        held.Put(Nop, Nop, Nop);
        ulong rip = held.Thread.Peek().Rip;
        for (ulong i = 1; i <= 2; i++)
        {
            ProgramEvent happened = held.Platform.Step(held.Thread);
            Assert.Equal((EventKind.Signal, Signal.SIGTRAP), (happened.Kind, happened.Signal));
            Assert.Equal(rip + i, held.Thread.Peek().Rip);
        }

        Assert.True(held.Thread.StoppedAt(Signal.SIGTRAP));
    });

    [Fact]
    public void What_stops_a_thread_before_its_step_is_told_in_its_place() => HeldProgram.Run(held =>
    {
        held.Put(Nop, Nop);
        ulong rip = held.Thread.Peek().Rip;
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGUSR1));
        WaitStatus status = SingleStep.Run(held.Thread);

        Assert.Equal((PtraceEvent.None, Signal.SIGUSR1, rip), (status.Event, status.StopSignal, held.Thread.Peek().Rip));
    });

    [Fact]
    public void One_that_ends_in_its_step_is_told_of() => HeldProgram.Run(held =>
    {
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGKILL));
        ThreadEndedException ended = Assert.Throws<ThreadEndedException>(() => SingleStep.Run(held.Thread));

        Assert.Equal((held.Id, Signal.SIGKILL), (ended.Thread, ended.Told?.EndedBy));
    });

    [Fact]
    public void A_breakpoint_stops_before_its_instruction_and_only_while_it_is_set() => HeldProgram.Run(held =>
    {
        held.Put(Nop, Nop, Nop, Nop, 0x0f, 0x0b);
        ulong rip = held.Thread.Peek().Rip;
        Assert.Equal(Errno.None, DebugRegisters.Write(held.Id, [rip + 1, rip + 3]));
        ProgramEvent first = held.ResumeToEvent();
        Assert.Equal((Signal.SIGTRAP, rip + 1), (first.Signal, held.Thread.Peek().Rip));
        Assert.Equal(Errno.None, held.Thread.GetSignal(out SignalInformation information));
        Assert.Equal(SignalInformation.TrapHardwareBreakpoint, information.Code);
        Assert.Equal(SignalCause.Exception, held.Platform.CauseOf(held.Thread, first));
        Assert.Equal((Signal.SIGTRAP, rip + 3), (held.ResumeToEvent().Signal, held.Thread.Peek().Rip));

        held.Thread.Registers.Rip = rip;
        Assert.Equal(Errno.None, DebugRegisters.Write(held.Id, [rip + 2]));
        _ = held.ResumeToEvent();
        Assert.Equal(rip + 2, held.Thread.Peek().Rip);
        Assert.Equal(Errno.None, DebugRegisters.Write(held.Id, []));
        Assert.Equal((Signal.SIGILL, rip + 4), (held.ResumeToEvent().Signal, held.Thread.Peek().Rip));
    });

    [Fact]
    public void A_thread_has_the_breakpoints_of_its_memory_before_it_runs() => HeldProgram.Run(held =>
    {
        held.Put(Nop, Nop, 0xeb, 0xfe);
        ulong rip = held.Thread.Peek().Rip;
        held.Thread.Process.Memory.Breakpoints = new Two(rip + 1);
        Assert.True(held.Platform.WriteBreakpoints(held.Thread));
        _ = held.ResumeToEvent();

        Assert.Equal(rip + 1, held.Thread.Peek().Rip);
    });

    [Fact]
    public void An_exception_that_was_raised_before_its_process_stopped_is_told_first() => HeldProgram.Run(held =>
    {
        ulong behind = RaiseBlocked(held);
        ProgramEvent stands = StopProcess(held);
        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, 0));
        Assert.True(held.Platform.StandStopped(held.Thread, stands));

        Assert.Equal(HaltResult.Stands, Halt(held, out ProgramEvent happened));
        Assert.Equal((EventKind.Signal, Signal.SIGILL, behind), (happened.Kind, happened.Signal, held.Thread.Peek().Rip));

        // It is answered, and the process is still stopped.
        Assert.Equal(EventKind.ProcessStopped, held.ResumeToEvent().Kind);
        Assert.False(held.Platform.GoesOn(held.Thread, stands));
    });

    [Fact]
    public void A_stop_of_a_process_that_nobody_waited_for_is_told_behind_it_as_well() => HeldProgram.Run(held =>
    {
        ulong behind = RaiseBlocked(held);
        ProgramEvent stands = StopProcess(held);
        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, 0));

        Assert.True(held.Platform.GoesOn(held.Thread, stands));
        Assert.False(held.Thread.Stopped);
        ProgramEvent happened = held.Next();
        Assert.Equal((EventKind.Signal, Signal.SIGILL, behind), (happened.Kind, happened.Signal, held.Thread.Peek().Rip));
        Assert.Equal(EventKind.ProcessStopped, held.ResumeToEvent().Kind);
    });

    [Fact]
    public void It_is_told_first_however_many_signals_wait() => HeldProgram.Run(held =>
    {
        const int realTime = 34, many = 20;
        ulong behind = RaiseBlocked(held, () =>
        {
            for (int i = 0; i < many; i++)
            {
                Assert.Equal(Errno.None, HostKernel.KillThread(held.Id, held.Id, realTime));
            }
        });
        Assert.Equal(HaltResult.Stands, Halt(held, out ProgramEvent happened));
        Assert.Equal(EventKind.Halted, happened.Kind);
        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, 1UL << (realTime - 1)));
        Assert.Equal(Errno.None, Ptrace.Interrupt(held.Id));
        held.Resume();

        Assert.Equal(HaltResult.Stands, Halt(held, out happened));
        Assert.Equal((EventKind.Signal, Signal.SIGILL, behind), (happened.Kind, happened.Signal, held.Thread.Peek().Rip));
    });

    // It runs, and a signal waits for it that looks as if an instruction had raised it; all signals are blocked. Returns where it runs.
    private static ulong RaiseBlocked(HeldProgram held, Action? before = null)
    {
        const ulong sendInformation = 297, dataOffset = 64; // rt_tgsigqueueinfo
        held.Put([0x0f, 0x05, .. s_spin]);
        ref UserRegisters r = ref held.Thread.Registers;
        ulong rip = r.Rip;
        var information = new SignalInformation { Signal = Signal.SIGILL, Code = SignalInformation.IllegalOperand, Address = rip };
        Assert.True(held.Memory.TryPoke(rip + dataOffset,
            System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<SignalInformation>(in information))));
        (r.Rax, r.Rdi, r.Rsi, r.Rdx, r.R10) = (sendInformation, (ulong)held.Id, (ulong)held.Id, Signal.SIGILL, rip + dataOffset);
        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, ulong.MaxValue));
        before?.Invoke();
        held.Resume();
        Assert.True(SpinWait.SpinUntil(() => (held.Signals("SigPnd:") & 1UL << (Signal.SIGILL - 1)) != 0, TimeSpan.FromSeconds(30)));
        return rip + 2;
    }

    private static ProgramEvent StopProcess(HeldProgram held)
    {
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGSTOP));
        Assert.Equal(SignalCause.Sent, held.Platform.CauseOf(held.Thread, held.Next()));
        ProgramEvent stands = held.ResumeToEvent(Signal.SIGSTOP);
        Assert.Equal(EventKind.ProcessStopped, stands.Kind);
        return stands;
    }

    private static HaltResult Halt(HeldProgram held, out ProgramEvent happened)
    {
        HaltResult result = held.Platform.Halt(held.Thread, mayWait: false, out happened);
        if (result == HaltResult.Stands)
        {
            Assert.True(held.Thread.Stopped);
            held.Platform.NoteStop(held.Thread, happened);
        }

        return result;
    }

    private sealed class Two(ulong address) : IBreakpoints
    {
        public int Version => 1;

        public IEnumerable<ulong> Addresses => [address];

        public bool Contains(ulong other) => other == address;

        public void Refuse() => Assert.Fail("refused");
    }
}
