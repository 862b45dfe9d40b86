using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary><see cref="PtracePlatform"/> and <see cref="CallsInside"/>: what happens to a program, and what it is given.</summary>
[Collection(HeldCollection.Name)]
public sealed class PtracePlatformTests
{
    private static readonly byte[] s_spin = [0xeb, 0xfe];

    [Fact]
    public void An_end_is_told_as_it_was() => HeldProgram.Run(held =>
    {
        // exit_group(7)
        held.Put(0xb8, 231, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05);
        ProgramEvent happened = held.ResumeToEvent();

        Assert.Equal((EventKind.Ended, 7, null), (happened.Kind, happened.ExitStatus, happened.EndedBy));
        Assert.True(held.Platform.IsGone(held.Thread));
        Assert.Equal(-1, held.Platform.TryNext(wait: false, out _));
    });

    [Fact]
    public void Who_has_the_number_of_one_whose_end_is_parked_is_left_alone() => HeldProgram.RunWithArea(held =>
    {
        Assert.Equal(Errno.None, Ptrace.GetRegisters(held.Id, out UserRegisters before));
        held.Platform.Park(new ProgramEvent(EventKind.Ended, held.Id));

        Assert.Throws<ThreadEndedException>(() => new RemoteCalls().Add(SystemCall.Getpid).Run(held.Thread));
        Assert.Throws<ThreadEndedException>(() => held.Platform.Step(held.Thread));
        Assert.Throws<ThreadEndedException>(() => held.Platform.BeginResume(held.Thread, 0));
        Assert.False(held.Platform.TryGetTold(held.Id, out _));
        held.Thread.Registers.Rip = 1;
        held.Platform.WriteBack(held.Thread);
        held.Platform.Run(held.Thread, 0);
        held.Platform.RunStep(held.Thread, 0);
        Assert.Equal(HaltResult.Gone, held.Platform.Halt(held.Thread, mayWait: false, out _));
        Assert.Equal(Errno.None, Ptrace.GetRegisters(held.Id, out UserRegisters after));

        Assert.Equal(before.Rip, after.Rip);
        Assert.StartsWith("t", HostKernel.StatusField(held.Id, "State:"), StringComparison.Ordinal);
    });

    [Fact]
    public void A_signal_that_was_sent_is_no_exception_and_waits_until_it_is_given() => HeldProgram.Run(held =>
    {
        held.Put(s_spin);
        held.Resume();
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGUSR1));
        ProgramEvent happened = held.Next();
        Assert.Equal(SignalCause.Sent, held.Platform.CauseOf(held.Thread, happened));
        Assert.Equal((Signal.SIGUSR1, Signal.SIGUSR1), (happened.Signal, held.Thread.SignalAtStop));

        Assert.Equal(Signal.SIGUSR1, held.ResumeToEvent(Signal.SIGUSR1).EndedBy);
    });

    [Fact]
    public void One_that_a_call_of_ours_has_spent_comes_once_more() => HeldProgram.RunWithArea(held =>
    {
        held.Put(s_spin);
        held.Resume();
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGUSR1));
        ProgramEvent happened = held.Next();
        _ = held.Platform.CauseOf(held.Thread, happened);
        held.Platform.BeginResume(held.Thread, Signal.SIGUSR1);
        _ = new RemoteCalls().Add(SystemCall.Getpid).Run(held.Thread);
        Assert.Equal(0, held.Platform.EndResume(held.Thread, Signal.SIGUSR1));
        held.Platform.WriteBack(held.Thread);
        held.Platform.Run(held.Thread, 0);
        happened = held.Next();

        // It tells of whoever sent it first: this process did, by kill.
        Assert.Equal(Signal.SIGUSR1, happened.Signal);
        _ = held.Platform.CauseOf(held.Thread, happened);
        held.Platform.KeepOrder(held.Thread);
        Assert.Equal(Errno.None, held.Thread.GetSignal(out SignalInformation information));
        Assert.Equal(SignalInformation.SiUser, information.Code);
        Assert.Equal(Signal.SIGUSR1, held.ResumeToEvent(Signal.SIGUSR1).EndedBy);
    });

    [Fact]
    public void Who_waits_is_woken_and_the_program_runs_on() => HeldProgram.Run(held =>
    {
        held.Put(s_spin);
        held.Resume();
        using var woken = new CancellationTokenSource();
        Task waking = Task.Run(async () =>
        {
            while (!woken.IsCancellationRequested)
            {
                held.Platform.Wake();
                await Task.Delay(1);
            }
        });
        Assert.Equal(0, held.Platform.TryNext(wait: true, out _));
        woken.Cancel();
        waking.Wait();

        Assert.StartsWith("R", HostKernel.StatusField(held.Id, "State:"));
        Assert.Equal(HaltResult.Stands, held.Platform.Halt(held.Thread, mayWait: false, out ProgramEvent happened));
        Assert.Equal(EventKind.Halted, happened.Kind);
    });

    [Theory]
    [InlineData(new byte[] { 0x0f, 0x0b }, Signal.SIGILL, ExceptionVector.InvalidOpcode)]
    [InlineData(new byte[] { 0x48, 0x31, 0xc0, 0x48, 0x8b, 0x00 }, Signal.SIGSEGV, ExceptionVector.PageFault)]
    [InlineData(new byte[] { 0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1 }, Signal.SIGFPE, ExceptionVector.DivideError)]
    [InlineData(new byte[] { 0xcc }, Signal.SIGTRAP, ExceptionVector.Breakpoint)]
    public void An_exception_is_known_by_its_number(byte[] code, int signal, ExceptionVector vector) => HeldProgram.Run(held =>
    {
        held.Put(code);
        ProgramEvent happened = held.ResumeToEvent();

        Assert.Equal((signal, SignalCause.Exception), (happened.Signal, held.Platform.CauseOf(held.Thread, happened)));
        Assert.Equal(Errno.None, held.Thread.GetSignal(out SignalInformation information));
        Assert.Equal(vector, held.Platform.VectorOf(held.Thread, information));
    });

    [Fact]
    public void What_is_raised_where_nothing_can_be_given_comes_by_itself() => HeldProgram.Run(held =>
    {
        held.Put(s_spin);
        var signal = new ProgramSignal(Signal.SIGSEGV, new SignalInformation
        {
            Signal = Signal.SIGSEGV,
            Code = SignalInformation.SegvMapError,
            Address = 0x1234,
        },
            (ulong)ExceptionVector.PageFault, 4, 0x1234);
        held.Platform.PrepareRaise(held.Thread, Signal.SIGSEGV);
        Assert.Equal(Delivery.Later, held.Platform.Raise(held.Thread, signal));
        ProgramEvent happened = held.ResumeToEvent();

        Assert.Equal(SignalCause.Raised, held.Platform.CauseOf(held.Thread, happened));
        Assert.Equal(signal, held.Platform.TakeRaised(held.Thread));
        Assert.Null(held.Thread.Raising);
        Assert.Equal(Delivery.ByKernel, held.Platform.Raise(held.Thread, signal));
        Assert.Equal(Signal.SIGSEGV, held.ResumeToEvent(Signal.SIGSEGV).EndedBy);
    });

    [Fact]
    public void A_child_is_told_of_and_stands_by_itself() => HeldProgram.Run(held =>
    {
        // fork(), and both spin.
        held.Put(0xb8, (byte)SystemCall.Fork, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xfe);
        Assert.Equal(EventKind.ChildMade, held.ResumeToEvent().Kind);
        Assert.True(held.Platform.TryGetTold(held.Id, out int child));
        Assert.Equal(held.Id.ToString(), HostKernel.StatusField(child, "PPid:"));
        Assert.Equal(1, held.Platform.TryNext(wait: true, out ProgramEvent happened));
        Assert.Equal((child, EventKind.Halted), (happened.Thread, happened.Kind));

        _ = HostKernel.Kill(child, Signal.SIGKILL);
        Assert.Equal(1, held.Platform.TryNext(wait: true, out happened));
        Assert.Equal((child, Signal.SIGKILL), (happened.Thread, happened.EndedBy));
    });

    [Fact]
    public void No_call_is_made_where_none_may_be_and_the_gadgets_are() => HeldProgram.RunWithArea(held =>
    {
        if (!CallsInside.AreDispatched(held.Thread))
        {
            // Before Linux 6.4 a filter does it.
            int filters = Filters(held);
            CallsInside.Refuse(held.Thread, held.Thread.Peek().Rip & ~0xffffUL, 0x10000);
            Assert.True(Filters(held) > filters);
            return;
        }

        ulong none = 0;
        Assert.Equal(CallsInside.Always, none = CallsInside.Update(held.Thread, CallsInside.Always, none));
        Assert.Equal([held.Id], new RemoteCalls().Add(SystemCall.Getpid).Run(held.Thread));
        held.Put(0xb8, (byte)SystemCall.Getpid, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xfe);
        ProgramEvent happened = held.ResumeToEvent();
        Assert.Equal((Signal.SIGSYS, SignalCause.CallInside), (happened.Signal, held.Platform.CauseOf(held.Thread, happened)));

        Assert.Equal(0UL, CallsInside.Update(held.Thread, 0, CallsInside.Always));
        held.Thread.Registers.Rip -= 2;
        held.Thread.Registers.OrigRax = ulong.MaxValue;
        ulong result = 0;
        for (int tries = 0; tries < 12 && result != (ulong)held.Id; tries++)
        {
            // It needs a core before it is halted, or it executes nothing.
            held.Resume();
            Thread.Sleep(1 << tries);
            Assert.Equal(HaltResult.Stands, held.Platform.Halt(held.Thread, mayWait: false, out _));
            result = held.Thread.Peek().Rax;
        }

        Assert.Equal((ulong)held.Id, result);
    });

    [Fact]
    public void A_dispatch_of_the_programs_own_is_left_alone_and_does_not_stop_the_gadget() => HeldProgram.RunWithArea(held =>
    {
        if (!CallsInside.AreDispatched(held.Thread))
        {
            return;
        }

        Assert.False(CallsInside.Suspend(held.Thread, stackalloc ulong[Ptrace.DispatchLength]));
        Assert.Equal(Errno.None, Ptrace.DispatchSystemCalls(held.Id, 0, 0x10_0000, 0x1000));
        Assert.Equal(0UL, CallsInside.Update(held.Thread, CallsInside.Always, 0));
        Assert.Equal([held.Id], new RemoteCalls().Add(SystemCall.Getpid).Run(held.Thread));

        Span<ulong> own = stackalloc ulong[Ptrace.DispatchLength];
        Assert.Equal(Errno.None, Ptrace.GetDispatch(held.Id, own));
        Assert.Equal([1UL, 0, 0x10_0000, 0x1000], own.ToArray());
    });

    private static int Filters(HeldProgram held) => int.Parse(HostKernel.StatusField(held.Id, "Seccomp_filters:") ?? "0", provider: null);
}
