using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public class TracedEventTests
{
    private static ProgramEvent Stop(int signal, PtraceEvent told = PtraceEvent.None) =>
        TracedEvent.Of(7, new WaitStatus(0x7f | (signal << 8) | ((int)told << 16)));

    [Theory]
    [InlineData(PtraceEvent.Seccomp, (int)EventKind.SystemCall)]
    [InlineData(PtraceEvent.Fork, (int)EventKind.ChildMade)]
    [InlineData(PtraceEvent.Vfork, (int)EventKind.ChildMade)]
    [InlineData(PtraceEvent.Clone, (int)EventKind.ChildMade)]
    [InlineData(PtraceEvent.VforkDone, (int)EventKind.ChildReleased)]
    [InlineData(PtraceEvent.Exec, (int)EventKind.ImageBegan)]
    [InlineData(PtraceEvent.Stop, (int)EventKind.Halted)]
    [InlineData(PtraceEvent.None, (int)EventKind.Signal)]
    [InlineData(PtraceEvent.Exit, (int)EventKind.Other)]
    public void Each_stop_is_one_event(PtraceEvent told, int kind)
    {
        ProgramEvent happened = Stop(Signal.SIGTRAP, told);
        Assert.Equal(((EventKind)kind, 7, true), (happened.Kind, happened.Thread, happened.Stands));
        Assert.Equal(told == PtraceEvent.Vfork, happened.IsVfork);
    }

    [Fact]
    public void A_system_calls_end_is_no_signal() => Assert.Equal(EventKind.SystemCallDone, Stop(Signal.SIGTRAP | 0x80).Kind);

    [Fact]
    public void A_process_that_is_stopped_says_by_which_signal()
    {
        ProgramEvent happened = Stop(Signal.SIGTSTP, PtraceEvent.Stop);
        Assert.Equal((EventKind.ProcessStopped, Signal.SIGTSTP), (happened.Kind, happened.Signal));
    }

    [Fact]
    public void An_end_says_how()
    {
        ProgramEvent exited = TracedEvent.Of(7, new WaitStatus(3 << 8)), killed = TracedEvent.Of(7, new WaitStatus(Signal.SIGKILL));
        Assert.Equal((EventKind.Ended, 3, (int?)null, false), (exited.Kind, exited.ExitStatus, exited.EndedBy, exited.Stands));
        Assert.Equal((EventKind.Ended, (int?)null, Signal.SIGKILL), (killed.Kind, killed.ExitStatus, killed.EndedBy));
    }

    [Fact]
    public void The_status_is_kept()
    {
        var status = new WaitStatus(0x7f | (Signal.SIGSEGV << 8));
        Assert.Equal(status, TracedEvent.StatusOf(TracedEvent.Of(7, status)));
    }
}
