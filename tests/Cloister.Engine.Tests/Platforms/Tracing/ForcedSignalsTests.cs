using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary><see cref="ForcedSignals"/>: a stop of ours leaves no trace in what a program does about signals.</summary>
[Collection(HeldCollection.Name)]
public sealed class ForcedSignalsTests
{
    private const ulong Illegal = 1UL << (Signal.SIGILL - 1), Handler = 0x4_0000;
    private static readonly byte[] s_ud2 = [0x0f, 0x0b];

    [Fact]
    public void What_was_blocked_is_blocked_again_and_has_its_handler() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = Handler, Flags = 0x0400_0000, Restorer = Handler });
        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, Illegal));
        StopAtUd2(held);

        // force_sig_info_to_task has made it the default, and unblocked it.
        Assert.Equal((0UL, 0UL), (held.Signals("SigCgt:") & Illegal, held.Signals("SigBlk:") & Illegal));
        held.Platform.BeginResume(held.Thread, 0);
        Assert.Equal((Illegal, Illegal), (held.Signals("SigCgt:") & Illegal, held.Signals("SigBlk:") & Illegal));
        Assert.Equal(0UL, held.Thread.Forced);
    });

    [Fact]
    public void What_was_not_blocked_is_not() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = Handler, Flags = 0x0400_0000, Restorer = Handler });
        StopAtUd2(held);
        held.Platform.BeginResume(held.Thread, 0);

        Assert.Equal((Illegal, 0UL), (held.Signals("SigCgt:") & Illegal, held.Signals("SigBlk:") & Illegal));
    });

    [Fact]
    public void What_was_ignored_is_ignored_again_and_tells_nothing_of_the_mask() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = SignalAction.Ignore });
        StopAtUd2(held);
        Assert.Equal(0UL, held.Signals("SigIgn:") & Illegal);
        held.Platform.BeginResume(held.Thread, 0);

        Assert.Equal((Illegal, 0UL), (held.Signals("SigIgn:") & Illegal, held.Signals("SigBlk:") & Illegal));
    });

    [Fact]
    public void One_that_the_program_gets_and_had_blocked_ends_it() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = Handler, Flags = 0x0400_0000, Restorer = Handler });
        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, Illegal));
        StopAtUd2(held);

        Assert.Equal(Signal.SIGILL, held.ResumeToEvent(Signal.SIGILL).EndedBy);
    });

    [Fact]
    public void A_handler_that_anothers_stop_has_reset_is_there_for_every_other_signal() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = Handler, Flags = 0x0400_0000, Restorer = Handler });
        SignalActions book = held.Thread.Process.Actions.Copy();
        SetAction(held, default);
        held.Thread.Process.Actions[Signal.SIGILL] = book[Signal.SIGILL];
        ForcedSignals.RestoreOfAnother(held.Thread, Signal.SIGILL);
        Assert.Equal(0UL, held.Signals("SigCgt:") & Illegal); // there is no other

        held.Thread.Process.Held.Add(new PtraceThread(held.Id, held.Thread.Process, new Waits(), []));
        held.Platform.PrepareRaise(held.Thread, Signal.SIGILL);
        Assert.Equal(Illegal, held.Signals("SigCgt:") & Illegal);

        SetAction(held, default);
        held.Thread.Process.Actions[Signal.SIGILL] = book[Signal.SIGILL];
        held.Platform.BeginResume(held.Thread, Signal.SIGILL);
        Assert.Equal(Illegal, held.Signals("SigCgt:") & Illegal);
    });

    [Fact]
    public void Another_exceptions_signal_ends_a_program_that_ignores_it() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = SignalAction.Ignore });
        ForcedSignals.Force(held.Thread, Signal.SIGILL);

        Assert.Equal(0UL, held.Signals("SigIgn:") & Illegal);
        Assert.Equal(SignalAction.Default, held.Thread.Process.Actions[Signal.SIGILL].Handler);
    });

    [Fact]
    public void A_handler_that_nothing_stands_against_stays() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = Handler, Flags = 0x0400_0000, Restorer = Handler });
        ForcedSignals.Force(held.Thread, Signal.SIGILL);

        Assert.Equal(Illegal, held.Signals("SigCgt:") & Illegal);
        Assert.Equal(Handler, held.Thread.Process.Actions[Signal.SIGILL].Handler);
    });

    [Fact]
    public void A_handlers_mask_is_known_where_masks_are_followed() => HeldProgram.RunWithArea(held =>
    {
        SetAction(held, new SignalAction { Handler = Handler, Flags = 0x0400_0000, Restorer = Handler, Mask = 0x10 });
        ForcedSignals.NoteDelivery(held.Thread, Signal.SIGILL);
        Assert.Null(held.Thread.Mask);
        held.Thread.Process.FollowsMasks = true;
        ForcedSignals.NoteDelivery(held.Thread, Signal.SIGILL);
        Assert.Equal(0x10 | Illegal, held.Thread.Mask);

        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, 0x40));
        ForcedSignals.NoteMask(held.Thread);
        Assert.Equal(0x40UL, held.Thread.Mask);
    });

    [Theory]
    [InlineData(false, true, 0UL, true)]
    [InlineData(false, true, Illegal, true)]
    [InlineData(true, true, Illegal, false)]
    [InlineData(false, false, Illegal, false)]
    public void A_handler_may_be_lost_to_one_that_runs_and_blocks_its_signal(bool stopped, bool hasHandler, ulong mask, bool mayBe)
    {
        var process = new TracedProcess(7, null!);
        PtraceThread one = Thread(7), other = Thread(8);
        (other.Stopped, other.Mask) = (stopped, mask == 0 ? null : mask);
        process.FollowsMasks = true;
        process.Actions[Signal.SIGILL] = new SignalAction { Handler = hasHandler ? Handler : SignalAction.Default };

        Assert.Equal(mayBe, ForcedSignals.MayLoseHandler(one, Signal.SIGILL));
        Assert.False(ForcedSignals.MayLoseHandler(one, Signal.SIGUSR1));
        other.Mask = ~Illegal;
        Assert.False(ForcedSignals.MayLoseHandler(one, Signal.SIGILL));

        PtraceThread Thread(int id)
        {
            var thread = new PtraceThread(id, process, new Waits(), []);
            process.Held.Add(thread);
            return thread;
        }
    }

    private static void SetAction(HeldProgram held, SignalAction action)
    {
        // SA_RESTORER, which x86-64 asks for: 0x04000000.
        Assert.Equal([0L], new RemoteCalls().WithData(MemoryMarshal.AsBytes(new ReadOnlySpan<SignalAction>(in action)))
            .Add(SystemCall.RtSigaction, Signal.SIGILL, RemoteCalls.DataAddress, 0, sizeof(ulong)).Run(held.Thread));
        held.Thread.Process.Actions[Signal.SIGILL] = action;
    }

    private static void StopAtUd2(HeldProgram held)
    {
        held.Put(s_ud2);
        ProgramEvent happened = held.ResumeToEvent();
        Assert.Equal((EventKind.Signal, Signal.SIGILL), (happened.Kind, happened.Signal));
        Assert.Equal(SignalCause.Exception, held.Platform.CauseOf(held.Thread, happened));
        held.Platform.NoteException(held.Thread, Signal.SIGILL);
    }
}
