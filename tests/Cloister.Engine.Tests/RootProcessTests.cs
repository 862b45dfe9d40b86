using System.Diagnostics;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Tests;

public class RootProcessTests
{
    private static ProgramEvent Terminated(int process) => new(EventKind.Ended, process) { EndedBy = Signal.SIGTERM };

    private static ProgramEvent Exited(int process) => new(EventKind.Ended, process) { ExitStatus = 3 };

    [Fact]
    public void Before_it_begins_it_gets_no_signal()
    {
        var root = new RootProcess();
        Assert.Equal(0, root.Id);
        Assert.False(root.Signal(Signal.SIGTERM));
    }

    [Fact]
    public void Its_exit_is_its_end_and_nobody_elses()
    {
        var root = new RootProcess();
        root.Begin(1234);
        root.NoteEnd(Terminated(99));
        Assert.Equal(1234, root.Id);
        root.NoteEnd(Exited(1234));
        Assert.Equal((0, 3), (root.Id, root.End.ExitStatus));
        Assert.Null(root.End.Signal);
        Assert.Null(root.EndedForAllAt);
    }

    [Fact]
    public void A_signal_of_its_own_ends_it_alone()
    {
        var root = new RootProcess();
        root.Begin(1234);
        root.NoteEnd(Terminated(1234));
        Assert.Equal(Signal.SIGTERM, root.End.Signal);
        Assert.Null(root.EndedForAllAt);
    }

    [Fact]
    public void Its_end_is_everybodys_where_nothing_is_to_outlive_it()
    {
        var root = new RootProcess(endsAll: true);
        root.Begin(1234);
        root.NoteEnd(Exited(99));
        Assert.Null(root.EndedForAllAt);
        root.NoteEnd(Exited(1234));
        Assert.NotNull(root.EndedForAllAt);
    }

    [Fact]
    public void A_signal_that_was_passed_on_ends_all()
    {
        using Process child = Process.Start("sleep", "60");
        var root = new RootProcess();
        root.Begin(child.Id);
        Assert.True(root.Relay(Signal.SIGTERM));
        child.WaitForExit();
        root.NoteEnd(Terminated(child.Id));
        Assert.NotNull(root.EndedForAllAt);
    }
}
