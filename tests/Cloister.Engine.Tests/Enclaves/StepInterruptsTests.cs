using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Enclaves;

/// <summary>Threads that go instruction by instruction inside, and are interrupted after so many: <see cref="StepInterrupts"/>.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class StepInterruptsTests : IDisposable
{
    private const ulong TrapFlag = 0x100;
    private readonly EnclaveImage _image = new();
    private TestEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    private TracedThread Thread => _engine.Thread;

    private void Enter(long every, EngineMode mode = EngineMode.Trap)
    {
        _engine.Dispose();
        _engine = new TestEngine(mode: mode, interrupts: new InterruptPlan { Every = every });
        _engine.Build(_image);
        _engine.Enter(Thread, _image.Tcs);
        Assert.True(Thread.Processor.EnclaveMode);
    }

    // The thread has executed an instruction at its place.
    private void Step(int code = SignalInformation.TrapTrace)
    {
        Thread.Registers.Rip++;
        _engine.Fault(Thread, Signal.SIGTRAP, code, Thread.Peek().Rip);
    }

    [Theory]
    [InlineData(EngineMode.Trap)]
    [InlineData(EngineMode.Fast)]
    public void It_is_stepped_inside_and_not_outside(EngineMode mode)
    {
        Enter(1, mode);
        Assert.Equal($"run {Thread.Id} for a step", _engine.Platform.Log[^1]);
        Assert.False(_engine.Tracer.Fast.Any);
        _engine.Execute(Thread, EncluLeaf.Eexit, _engine.Enclu, 0);
        Assert.False(Thread.Processor.EnclaveMode);
        Assert.Equal($"run {Thread.Id}", _engine.Platform.Log[^1]);
    }

    [Fact]
    public void Each_instruction_ends_in_an_exit_where_it_stands()
    {
        Enter(1);
        for (int i = 0; i < 5; i++)
        {
            Step();
            Assert.Equal(Thread.Peek().Rip, Thread.Processor.ExitedAt.Value);
            Assert.True(Thread.Processor.EnclaveMode);
            Assert.Equal($"run {Thread.Id} for a step", _engine.Platform.Log[^1]);
        }
    }

    [Fact]
    public void The_instructions_between_are_stepped_at_once()
    {
        Enter(5);
        int before = _engine.Platform.Log.Count;
        Step();
        Assert.Equal(4, _engine.Platform.Log.Skip(before).Count(line => line == $"step {Thread.Id}"));
        Assert.Equal(Thread.Peek().Rip, Thread.Processor.ExitedAt.Value);
    }

    [Fact]
    public void Others_are_looked_after_between_many()
    {
        Enter(10_000);
        int before = _engine.Platform.Log.Count;
        Step();
        Assert.InRange(_engine.Platform.Log.Skip(before).Count(line => line == $"step {Thread.Id}"), 1, 1000);
        Assert.Equal(default, Thread.Processor.ExitedAt);
        Assert.Equal($"run {Thread.Id} for a step", _engine.Platform.Log[^1]);
    }

    [Fact]
    public void The_end_of_a_call_of_ours_is_no_instruction()
    {
        Enter(1);
        _engine.Platform.OnStep = thread =>
        {
            _engine.Held(Thread).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.TrapTrace };
            return new ProgramEvent(EventKind.Signal, thread.Id) { Signal = Signal.SIGTRAP };
        };
        ulong rip = Thread.Peek().Rip;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapBreakpoint, rip);
        Assert.Single(_engine.Platform.Log, line => line == $"step {Thread.Id}");
        Assert.Equal(rip, Thread.Processor.ExitedAt.Value);
    }

    [Fact]
    public void What_happens_meanwhile_is_answered()
    {
        Enter(5);
        _engine.Platform.OnStep = thread =>
        {
            // A fault in the middle: it is resolved, and the thread is stepped on.
            _engine.Held(Thread).Signal = new SignalInformation { Signal = Signal.SIGFPE, Code = 1, Address = Thread.Peek().Rip };
            return new ProgramEvent(EventKind.Signal, thread.Id) { Signal = Signal.SIGFPE };
        };
        Step();
        Assert.False(Thread.Processor.EnclaveMode);
        Assert.Equal(Signal.SIGFPE, Assert.Single(_engine.Platform.Raised).Number);
    }

    [Fact]
    public void A_leaf_that_is_executed_for_it_counts()
    {
        Enter(1);

        // A SECINFO, PT_REG and PENDING, for a page that is not pending: an error code, which is no fault.
        LinearAddress data = _image.At(EnclaveImage.DataPage);
        EpcPage page = _engine.Tracer.Driver.EpcPageAt(_engine.Tracer.Driver.Enclaves.Single(), data);
        _engine.Tracer.Machine.Memory[page].Clear();
        ((byte[])[0x0b, 0x02]).CopyTo(_engine.Tracer.Machine.Memory[page]);
        _engine.Execute(Thread, EncluLeaf.Eaccept, data.Value, data.Value);
        Assert.NotEqual(default, Thread.Processor.ExitedAt);
        Assert.True(Thread.Processor.EnclaveMode);
    }

    [Fact]
    public void The_flag_by_which_it_is_stepped_is_not_the_programs()
    {
        Enter(1);
        Thread.Registers.Rflags |= TrapFlag;
        Step();
        Assert.Equal(Thread.Peek().Rip, Thread.Processor.ExitedAt.Value);
        Assert.True(Thread.Processor.EnclaveMode);
        Assert.Equal(0UL, Thread.Peek().Rflags & TrapFlag);
    }

    [Fact]
    public void Threads_that_are_not_stepped_have_their_traps()
    {
        _engine.Build(_image);
        _engine.Enter(Thread, _image.Tcs);
        Assert.Equal($"run {Thread.Id}", _engine.Platform.Log[^1]);
        Step();
        Assert.False(Thread.Processor.EnclaveMode);
        Assert.Equal(Signal.SIGTRAP, Assert.Single(_engine.Platform.Raised).Number);
    }
}
