using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary><see cref="SpentSignals"/>: what was taken off comes once more, in its order.</summary>
public sealed class SpentSignalsTests : IDisposable
{
    private const int RealTime = 40, TkillCode = -6;
    private readonly StartingProgram _program = StoppedProcess.Start();
    private readonly OwnThread _own = new();
    private readonly SpentSignals _spent = new();
    private readonly TestThread _thread;

    public SpentSignalsTests() => _thread = new TestThread(_program.Id, new Engine.Programs.TracedProcess(_program.Id, _own.Space));

    public void Dispose()
    {
        _program.End();
        _program.Dispose();
        _own.Dispose();
    }

    private static SignalInformation Ours(int signal) => new() { Signal = signal, Code = TkillCode, Sender = Environment.ProcessId };

    private static SignalInformation Theirs(int signal, ulong detail) => new() { Signal = signal, Code = -1, Sender = 1, Detail = detail };

    private ulong Waiting() => Convert.ToUInt64(HostKernel.StatusField(_program.Id, "SigPnd:"), 16);

    [Fact]
    public void One_that_is_held_is_sent_again_and_what_comes_then_is_it()
    {
        _spent.Hold(_thread, Theirs(Signal.SIGUSR1, 5));

        Assert.Equal(1UL << (Signal.SIGUSR1 - 1), Waiting());
        Assert.True(_spent.Exchange(_thread, Ours(Signal.SIGUSR1), out SignalInformation first));
        Assert.Equal(Theirs(Signal.SIGUSR1, 5), first);
        Assert.False(_spent.Exchange(_thread, Ours(Signal.SIGUSR1), out _));
    }

    [Fact]
    public void One_that_came_meanwhile_comes_after_it()
    {
        _spent.Hold(_thread, Theirs(RealTime, 1));

        Assert.True(_spent.Exchange(_thread, Theirs(RealTime, 2), out SignalInformation first));
        Assert.Equal(1UL, first.Detail);
        Assert.True(_spent.Exchange(_thread, Ours(RealTime), out SignalInformation second));
        Assert.Equal(2UL, second.Detail);
    }

    [Fact]
    public void Where_one_of_a_kind_waits_ours_was_dropped_and_is_sent_once_more()
    {
        _spent.Hold(_thread, Theirs(Signal.SIGUSR2, 1));
        using StartingProgram fresh = StoppedProcess.Start();
        var other = new TestThread(fresh.Id, new Engine.Programs.TracedProcess(fresh.Id, _own.Space));

        Assert.True(_spent.Exchange(other, Theirs(Signal.SIGUSR2, 2), out SignalInformation first));
        Assert.Equal(1UL, first.Detail);
        Assert.Equal(1UL << (Signal.SIGUSR2 - 1), Convert.ToUInt64(HostKernel.StatusField(fresh.Id, "SigPnd:"), 16));
        fresh.End();
    }

    [Fact]
    public void Other_numbers_are_let_through()
    {
        _spent.Hold(_thread, Theirs(Signal.SIGUSR1, 5));
        SignalInformation came = Theirs(Signal.SIGUSR2, 7);

        Assert.False(_spent.Exchange(_thread, came, out SignalInformation first));
        Assert.Equal(came, first);
    }

    [Theory]
    [InlineData(TkillCode, 0, true)]
    [InlineData(TkillCode, 1, false)]
    [InlineData(SignalInformation.SiUser, 0, false)]
    public void This_process_is_nobody_in_a_namespace_that_does_not_have_it(int code, int sender, bool isOurs) =>
        Assert.Equal(isOurs, SpentSignals.IsOurs(new SignalInformation { Signal = Signal.SIGUSR1, Code = code, Sender = sender }));
}
