using System.Diagnostics;
using Cloister.Linux;

namespace Cloister.Engine.Tests;

public class RootProcessTests
{
    private static readonly WaitStatus s_terminated = new(Signal.SIGTERM), s_exited = new(3 << 8);

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
        root.NoteEnd(99, s_terminated);
        Assert.Equal(1234, root.Id);
        root.NoteEnd(1234, s_exited);
        Assert.Equal((0, 3), (root.Id, root.End.ExitStatus));
        Assert.Null(root.End.Signal);
        Assert.Null(root.EndedForAllAt);
    }

    [Fact]
    public void A_signal_of_its_own_ends_it_alone()
    {
        var root = new RootProcess();
        root.Begin(1234);
        root.NoteEnd(1234, s_terminated);
        Assert.Equal(Signal.SIGTERM, root.End.Signal);
        Assert.Null(root.EndedForAllAt);
    }

    [Fact]
    public void A_signal_that_was_passed_on_ends_all()
    {
        using Process child = Process.Start("sleep", "60");
        var root = new RootProcess();
        root.Begin(child.Id);
        Assert.True(root.Relay(Signal.SIGTERM));
        child.WaitForExit();
        root.NoteEnd(child.Id, s_terminated);
        Assert.NotNull(root.EndedForAllAt);
    }
}
