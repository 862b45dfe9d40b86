using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms;

public class SignalActionsTests
{
    private const ulong Handler = 0x400000;

    [Fact]
    public void A_signal_without_an_action_is_the_default()
    {
        using var actions = new SignalActions();
        Assert.Equal(SignalAction.Default, actions[Signal.SIGSEGV].Handler);
        Assert.False(actions.IsHandled(Signal.SIGSEGV));
        Assert.False(actions.IsReset(Environment.ProcessId, Signal.SIGSEGV));
    }

    [Fact]
    public void What_is_ignored_is_not_handled()
    {
        using var actions = new SignalActions { [Signal.SIGILL] = new SignalAction { Handler = SignalAction.Ignore } };
        Assert.False(actions.IsHandled(Signal.SIGILL));
    }

    [Fact]
    public void A_handler_for_once_is_the_default_after_its_delivery()
    {
        using var actions = new SignalActions
        {
            [Signal.SIGILL] = new SignalAction { Handler = Handler, Flags = SignalAction.ResetHandler },
            [Signal.SIGSEGV] = new SignalAction { Handler = Handler },
        };
        actions.NoteDelivery(Signal.SIGILL);
        actions.NoteDelivery(Signal.SIGSEGV);
        Assert.False(actions.IsHandled(Signal.SIGILL));
        Assert.True(actions.IsHandled(Signal.SIGSEGV));
        Assert.True(actions.WasDelivered(Signal.SIGILL));
        Assert.False(actions.WasDelivered(Signal.SIGTRAP));
    }

    [Fact]
    public void A_child_of_fork_changes_its_own()
    {
        using var actions = new SignalActions { [Signal.SIGILL] = new SignalAction { Handler = Handler } };
        using SignalActions copy = actions.Copy();
        copy[Signal.SIGILL] = default;
        Assert.True(actions.IsHandled(Signal.SIGILL));
        Assert.False(copy.IsHandled(Signal.SIGILL));
    }

    [Fact]
    public void Exec_keeps_what_is_ignored_only()
    {
        using var actions = new SignalActions
        {
            [Signal.SIGILL] = new SignalAction { Handler = Handler },
            [Signal.SIGTRAP] = new SignalAction { Handler = SignalAction.Ignore },
        };
        using SignalActions after = actions.AfterExec();
        Assert.Equal(SignalAction.Default, after[Signal.SIGILL].Handler);
        Assert.Equal(SignalAction.Ignore, after[Signal.SIGTRAP].Handler);
    }
}
