using Cloister.Engine.Platforms.Tracing;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public class WakeSignalsTests
{
    private static SignalInformation Sent(int signal, int code, int sender) => new() { Signal = signal, Code = code, Sender = sender };

    [Fact]
    public void What_this_process_sends_to_a_process_is_it() =>
        Assert.True(WakeSignals.Is(Sent(Signal.SIGSTOP, SignalInformation.SiUser, Environment.ProcessId)));

    [Fact]
    public void What_anybody_else_sends_is_the_programs() => Assert.False(WakeSignals.Is(Sent(Signal.SIGSTOP, SignalInformation.SiUser, 1)));

    [Theory]
    [InlineData(Signal.SIGTSTP, SignalInformation.SiUser)]
    [InlineData(Signal.SIGSTOP, -6)]
    [InlineData(Signal.SIGSTOP, SignalInformation.SiKernel)]
    public void What_is_sent_once_more_or_passed_on_is_the_programs(int signal, int code) =>
        Assert.False(WakeSignals.Is(Sent(signal, code, Environment.ProcessId)));
}
