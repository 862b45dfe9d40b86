using Cloister.Engine.Debugging;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Debugging;

/// <summary><see cref="DebuggedMemory"/>: breakpoints, of which nobody sees anything.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class DebuggedMemoryTests : DebuggedTestCase
{
    [Fact]
    public void A_breakpoint_stops_before_what_stands_there_and_nobody_reads_it()
    {
        DebuggedProcess process = Attach();
        _code[3] = 0x90;
        Assert.True(process.InsertBreakpoint(Code + 3));
        Assert.Equal(0xcc, _code[3]);
        Span<byte> read = stackalloc byte[8];
        Assert.Equal(read.Length, process.Read(Code, read));
        Assert.Equal(0x90, read[3]);

        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process);
        _engine.Tracer.Loop.Step();
        Thread.Registers.Rip = Code + 4;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);
        Assert.Equal([new DebugStop(DebugStopKind.Breakpoint, Thread.Id)], _stops);
        Assert.Equal(Code + 3, Thread.Peek().Rip);

        process.RemoveBreakpoint(Code + 3);
        Assert.Equal(0x90, _code[3]);
    }

    [Fact]
    public void What_is_written_where_a_breakpoint_is_stands_behind_it()
    {
        DebuggedProcess process = Attach();
        Assert.True(process.InsertBreakpoint(Code + 1));
        Assert.True(process.Write(Code, [1, 2, 3]));
        Assert.Equal([1, 0xcc, 3], _code[..3]);
        process.RemoveBreakpoint(Code + 1);

        Assert.Equal([1, 2, 3], _code[..3]);
    }

    [Fact]
    public void A_thread_that_hits_one_beside_another_hits_it_again()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);

        // It meets the breakpoint while it is stopped for the first one's.
        _engine.Held(other).Registers.Rip = Code + 1;
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.SiKernel };
        _engine.Platform.OnHalt = halted => (HaltResult.Stands, new ProgramEvent(EventKind.Signal, halted.Id) { Signal = Signal.SIGTRAP });
        Thread.Registers.Rip = Code + 1;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);

        Assert.Equal([new DebugStop(DebugStopKind.Breakpoint, Thread.Id)], _stops);
        Assert.Equal(Code, other.Peek().Rip);
        process.RemoveBreakpoint(Code);
        RunAll(process);
        Assert.Contains("run 2", Log);
        Assert.Single(_stops);
    }

    [Fact]
    public void A_copy_of_its_memory_has_no_breakpoints()
    {
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));

        // The copy is of this process as well: what is written there can be seen.
        using var copy = new AddressSpace(_engine.Tracer.Machine, Environment.ProcessId);
        Thread.Space.Planted.RemoveFrom(copy.Planted);
        Assert.Equal(0x90, _code[0]);
    }

    [Theory]
    [InlineData(0x0f, 0xa2, 0xf4)]
    [InlineData(0x0f, 0x0b, 0x0f)]
    [InlineData(0x90, 0x90, 0x90)]
    public void CPUID_that_is_written_where_it_was_replaced_is_replaced(byte first, byte second, byte there)
    {
        DebuggedProcess process = Attach();
        (_code[0], _code[1]) = (0xf4, 0xa2);
        Assert.True(Thread.Space.CpuidSites.Add(Code));
        Assert.True(process.Write(Code, [first, second]));
        Assert.Equal([there, second], _code[..2]);
    }

    [Fact]
    public void Who_has_executed_one_that_is_gone_executes_what_stands_there()
    {
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Halted);
        process.Detach();
        Log.Clear();

        Thread.Registers.Rip = Code + 1;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);
        Assert.Equal(Code, Thread.Peek().Rip);
        Assert.Equal($"run {Thread.Id}", Log[^1]);
    }

    [Fact]
    public void Who_goes_while_it_runs_leaves_no_breakpoint_that_is_being_hit()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);
        process.Resume(thread => new ThreadOrder(thread == 2), runsAll: true);
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        // One hits it and the other has stepped when they are stopped.
        (Thread.Registers.Rip, other.Registers.Rip) = (Code + 1, Code + 8);
        _engine.Held(Thread).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.SiKernel };
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.TrapTrace };
        _engine.Platform.OnHalt = halted => (HaltResult.Stands, new ProgramEvent(EventKind.Signal, halted.Id) { Signal = Signal.SIGTRAP });
        process.Detach();
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        Assert.Empty(_stops);
        Assert.Equal(Code, Thread.Peek().Rip);
        Assert.Equivalent(new[] { "run 2", $"run {Thread.Id}" }, Log.Where(done => done.StartsWith("run", StringComparison.Ordinal))
            .TakeLast(2), strict: true);
        Assert.Empty(_engine.Platform.Raised);
    }
}
