using Cloister.Engine.Debugging;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Debugging;

/// <summary><see cref="DebuggedProcess"/>, <see cref="DebugControl"/>, <see cref="ThreadSteps"/> and <see cref="Debugger"/>: who stands, who
/// runs, and what is told.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class DebuggedProcessTests : DebuggedTestCase
{
    [Fact]
    public void It_stands_with_all_its_threads_and_says_so_once()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        _engine.Held(other).Stopped = false;
        Assert.NotNull(_engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add));

        Assert.Equal([new DebugStop(DebugStopKind.Interrupt, Thread.Id)], _stops);
        Assert.True(other.Stopped);
        Assert.Null(_engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add));
    }

    [Fact]
    public void What_happens_while_it_stands_is_answered_when_it_runs()
    {
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        Assert.DoesNotContain($"run {Thread.Id}", Log);
        Assert.False(_engine.Platform.AnyParked);

        RunAll(process);
        Assert.True(_engine.Platform.AnyParked);
        _engine.Tracer.Loop.Step();
        Assert.Equal($"run {Thread.Id}", Log[^1]);
    }

    [Fact]
    public void What_happens_to_others_is_answered()
    {
        TracedThread other = _engine.Add(2, _engine.Tracer.Processes.New(2));
        _ = Attach();
        _engine.Happens(other, EventKind.Halted);

        Assert.Equal("run 2", Log[^1]);
    }

    [Theory]
    [InlineData(Signal.SIGUSR1, " with 10")]
    [InlineData(0, "")]
    public void A_signal_is_told_before_the_program_has_it(int given, string run)
    {
        DebuggedProcess process = Attach();
        RunAll(process);
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);
        Assert.Equal([new DebugStop(DebugStopKind.Signal, Thread.Id) { Signal = Signal.SIGUSR1 }], _stops);
        Assert.DoesNotContain(Log, done => done.StartsWith("run", StringComparison.Ordinal));

        RunAll(process, new ThreadOrder(Steps: false) { Signal = given });
        Assert.Equal($"run {Thread.Id}{run}", Log[^1]);
        Assert.Single(_stops);
    }

    [Fact]
    public void A_signal_that_is_passed_is_not_told()
    {
        DebuggedProcess process = Attach();
        process.PassedSignals = 1UL << (Signal.SIGUSR1 - 1);
        RunAll(process);
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);

        Assert.Empty(_stops);
        Assert.Equal($"run {Thread.Id} with {Signal.SIGUSR1}", Log[^1]);
    }

    [Fact]
    public void A_step_is_over_where_the_instruction_pointer_has_moved()
    {
        DebuggedProcess process = Attach();
        Thread.Registers.Rip = Code;
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true));
        _engine.Tracer.Loop.Step();
        Assert.Equal($"run {Thread.Id} for a step", Log[^1]);

        // A fault that is resolved: it is to execute the same once more.
        _engine.Happens(Thread, EventKind.Halted);
        Assert.Equal($"run {Thread.Id} for a step", Log[^1]);
        Assert.Empty(_stops);

        Thread.Registers.Rip = Code + 1;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, Code + 1);
        Assert.Equal([new DebugStop(DebugStopKind.Step, Thread.Id)], _stops);
    }

    [Fact]
    public void A_step_of_an_instruction_that_stays_is_over_all_the_same()
    {
        DebuggedProcess process = Attach();
        Thread.Registers.Rip = Code;
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true));
        _engine.Tracer.Loop.Step();
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, Code);

        Assert.Equal([new DebugStop(DebugStopKind.Step, Thread.Id)], _stops);
    }

    [Fact]
    public void Steps_go_on_in_a_range()
    {
        DebuggedProcess process = Attach();
        Thread.Registers.Rip = Code;
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true) { RangeStart = Code, RangeEnd = Code + 4 });
        _engine.Tracer.Loop.Step();
        for (ulong at = 1; at <= 4; at++)
        {
            Assert.Empty(_stops);
            Thread.Registers.Rip = Code + at;
            _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, Code + at);
        }

        Assert.Single(_stops);
    }

    [Fact]
    public void A_step_that_is_over_when_another_stops_the_process_is_no_signal_of_the_programs()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);
        process.Resume(thread => new ThreadOrder(thread == 2), runsAll: true);
        _engine.Tracer.Loop.Step();
        _engine.Tracer.Loop.Step();
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.TrapTrace };
        _engine.Platform.OnHalt = halted => (HaltResult.Stands, new ProgramEvent(EventKind.Signal, halted.Id) { Signal = Signal.SIGTRAP });
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);
        RunAll(process, new ThreadOrder(Steps: false) { Signal = Signal.SIGUSR1 });
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        Assert.Equal([Signal.SIGUSR1], _stops.Select(stop => stop.Signal));
    }

    [Fact]
    public void A_thread_that_is_not_to_run_stands()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);
        process.Resume(thread => thread == 2 ? new ThreadOrder() : null, runsAll: false);
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        Assert.Contains("run 2", Log);
        Assert.DoesNotContain($"run {Thread.Id}", Log);
        Assert.False(process.IsStopped);

        _engine.End(other);
        Assert.Equal([new DebugStop(DebugStopKind.NothingRuns, Thread.Id)], _stops);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Signal.SIGKILL)]
    public void Its_end_is_told(int? signal)
    {
        DebuggedProcess process = Attach();
        _engine.End(Thread, signal);

        DebugStop expected = signal is { } number ? new DebugStop(DebugStopKind.Killed, process.Id) { Signal = number }
            : new DebugStop(DebugStopKind.Exited, process.Id);
        Assert.Equal([expected], _stops);
        Assert.True(process.IsOver);
        Assert.Null(_engine.Tracer.Debugger.Current);
    }

    [Theory]
    [InlineData(Signal.SIGINT, "")]
    [InlineData(Signal.SIGUSR1, " with 10")]
    public void Who_goes_leaves_nothing(int signal, string run)
    {
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Signal, signal);
        process.Detach();

        Assert.Equal($"run {Thread.Id}{run}", Log[^1]);
        Assert.Equal(0x90, _code[0]);
        Assert.False(Thread.Space.IsDebugged);
        Assert.Null(_engine.Platform.StaysParked);
        Assert.NotNull(_engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add));
    }

    [Fact]
    public void A_step_whose_end_comes_late_is_nobodys_signal()
    {
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true));
        _engine.Tracer.Loop.Step();
        _engine.Platform.OnHalt = _ => (HaltResult.Waits, default);
        process.Detach();
        Thread.Registers.Rip = Code + 2;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapBreakpoint, 0);
        Assert.Equal($"run {Thread.Id}", Log[^1]);
        Assert.Empty(_engine.Platform.Raised);

        // The next one is the program's.
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, 0);
        Assert.NotEqual($"run {Thread.Id}", Log[^1]);
    }

    [Fact]
    public void What_was_put_back_before_it_stood_is_looked_at_as_well()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Halted);
        other.Registers.Rip = Code + 1;
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.SiKernel };
        _engine.Platform.PutBack(other.Held, new ProgramEvent(EventKind.Signal, 2) { Signal = Signal.SIGTRAP });
        process.Interrupt();

        Assert.Equal(Code, other.Peek().Rip);
    }
}
