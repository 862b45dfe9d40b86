using Cloister.Engine.Platforms.Tracing;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public class StopSignalsTests
{
    private static WaitStatus At(int signal, PtraceEvent happened = PtraceEvent.None) => new(0x7f | (signal << 8) | ((int)happened << 16));

    [Theory]
    [InlineData(Signal.SIGSTOP)]
    [InlineData(Signal.SIGTSTP)]
    [InlineData(Signal.SIGTTIN)]
    [InlineData(Signal.SIGTTOU)]
    public void These_stop_where_the_program_does_nothing(int signal) => Assert.True(StopSignals.MayStop(signal));

    [Theory]
    [InlineData(Signal.SIGCONT)]
    [InlineData(Signal.SIGTERM)]
    [InlineData(Signal.SIGTRAP)]
    public void Others_do_not(int signal) => Assert.False(StopSignals.MayStop(signal));

    [Fact]
    public void A_stop_signal_that_a_step_meets_is_given_to_the_thread()
    {
        Assert.False(StopSignals.NoteStop(At(Signal.SIGSTOP), isStopped: false, out int signal));
        Assert.Equal(Signal.SIGSTOP, signal);
    }

    [Fact]
    public void A_group_stop_that_a_step_meets_is_remembered()
    {
        Assert.True(StopSignals.NoteStop(At(Signal.SIGSTOP, PtraceEvent.Stop), isStopped: false, out int signal));
        Assert.Equal(0, signal);
    }

    [Fact]
    public void An_interrupt_ends_the_memory_of_a_group_stop() =>
        Assert.False(StopSignals.NoteStop(At(Signal.SIGTRAP, PtraceEvent.Stop), isStopped: true, out _));

    [Fact]
    public void Anything_else_changes_nothing()
    {
        Assert.True(StopSignals.NoteStop(At(Signal.SIGTRAP), isStopped: true, out int signal));
        Assert.Equal(0, signal);
    }
}
