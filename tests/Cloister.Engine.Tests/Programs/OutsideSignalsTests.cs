using System.Diagnostics;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Programs;

public sealed class OutsideSignalsTests : IDisposable
{
    private const int Nobody = 0, Stranger = 1;
    private readonly OwnThread _own = new();
    private readonly OutsideSignals _outside = new();

    public void Dispose() => _own.Dispose();

    [Fact]
    public void What_the_program_got_counts_once()
    {
        Get(Signal.SIGINT);
        Get(Signal.SIGINT);

        Assert.True(_outside.HasProgramGot(Nobody, Signal.SIGINT));
        Assert.True(_outside.HasProgramGot(Nobody, Signal.SIGINT));
        Assert.False(_outside.HasProgramGot(Nobody, Signal.SIGINT));
    }

    [Fact]
    public void Another_signal_is_not_that_one()
    {
        Get(Signal.SIGTERM);

        Assert.False(_outside.HasProgramGot(Nobody, Signal.SIGHUP));
        Assert.True(_outside.HasProgramGot(Nobody, Signal.SIGTERM));
    }

    [Fact]
    public void What_this_process_sends_and_what_nobody_sends_to_both_is_no_credit()
    {
        Get(Signal.SIGTERM, Environment.ProcessId);
        Get(Signal.SIGSEGV);

        Assert.False(_outside.HasProgramGot(Nobody, Signal.SIGTERM));
        Assert.False(_outside.HasProgramGot(Nobody, Signal.SIGSEGV));
    }

    [Fact]
    public void What_the_program_blocks_it_gets_later_and_that_is_not_another()
    {
        // One that is stopped has what it is sent wait.
        using StartingProgram program = StoppedProcess.Start();
        Assert.Equal(Errno.None, HostKernel.Kill(program.Id, Signal.SIGUSR1));
        Assert.True(_outside.HasProgramGot(program.Id, Signal.SIGUSR1));

        // It comes: the tracer has had its own already.
        Get(Signal.SIGUSR1);
        Assert.False(_outside.HasProgramGot(Nobody, Signal.SIGUSR1));
        program.End();
    }

    [Fact]
    public void A_signal_that_comes_a_moment_later_is_waited_for()
    {
        using var soon = new Timer(_ => Get(Signal.SIGHUP), null, 4, Timeout.Infinite);
        long began = Stopwatch.GetTimestamp();
        bool got = _outside.HasProgramGot(Nobody, Signal.SIGHUP);

        // On a machine that is busy the moment may be over before.
        Assert.True(got || Stopwatch.GetElapsedTime(began) > TimeSpan.FromMilliseconds(10));
    }

    [Fact]
    public void A_signal_ends_a_program_that_neither_handles_nor_ignores_nor_blocks_it()
    {
        using StartingProgram program = StoppedProcess.Start();
        Assert.False(OutsideSignals.WillEnd(program.Id, Signal.SIGTERM));
        _ = HostKernel.Kill(program.Id, Signal.SIGTERM);

        Assert.True(OutsideSignals.WillEnd(program.Id, Signal.SIGTERM));
        Assert.False(OutsideSignals.WillEnd(program.Id, Signal.SIGINT));
        Assert.False(OutsideSignals.WillEnd(Nobody, Signal.SIGTERM));
        program.End();
    }

    private void Get(int signal, int sender = Stranger)
    {
        ((TestThread)_own.Thread.Held).Signal = new SignalInformation { Signal = signal, Sender = sender };
        _outside.Note(_own.Thread, signal);
    }
}
