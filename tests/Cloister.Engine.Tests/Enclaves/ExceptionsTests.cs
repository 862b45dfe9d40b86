using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Enclaves;

/// <summary>
/// <see cref="Exceptions"/>, <see cref="AbortPage"/>, <see cref="Traps"/>, <see cref="IllegalCode"/>, <see cref="NativeExecution"/>, <see cref="PowerLoss"/>:
/// the edges of an enclave.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class ExceptionsTests : IDisposable
{
    // MOV RAX, [RDI], MOV [RDI], RAX, and CPUID, which is illegal inside.
    private readonly EnclaveImage _image = new() { Code = [.. TestEngine.Touching, 0x0f, 0xa2] };
    private TestEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    private void Begin(IsolationMode isolation = IsolationMode.Fast, PowerLossPlan? losses = null)
    {
        _engine.Dispose();
        _engine = new TestEngine(isolation: isolation, losses: losses);
        _engine.Build(_image);
    }

    private LinearAddress Cpuid => new(_image.At(EnclaveImage.CodePage).Value + 6);

    private TracedThread Thread => _engine.Thread;

    [Fact]
    public void The_host_reads_ones_where_a_page_of_another_kind_is()
    {
        Begin();
        _engine.Touch(Thread, _image.Tcs);

        Assert.Contains($"step {Thread.Id}", _engine.Platform.Log);
        Assert.Equal($"run {Thread.Id}", _engine.Platform.Log[^1]);
        Assert.NotNull(Thread.Space.Mappings.Find(_image.Tcs.Value));
    }

    [Fact]
    public void What_stops_the_host_instead_of_the_step_is_answered_later()
    {
        Begin();
        _engine.Platform.OnStep = thread => new ProgramEvent(EventKind.ProcessStopped, thread.Id) { Signal = Signal.SIGSTOP };
        _engine.Touch(Thread, _image.Tcs);

        Assert.False(_engine.Platform.AnyWaiting);
        Assert.DoesNotContain(_engine.Platform.Raised, raised => raised.Number == Signal.SIGSEGV);
    }

    [Fact]
    public void An_illegal_instruction_gets_a_breakpoint_and_stands_as_it_was_written()
    {
        Begin();
        _engine.Enter(Thread, _image.Tcs);
        _engine.Touch(Thread, _image.Heap);

        Assert.True(Thread.Space.Breakpoints.Contains(Cpuid.Value));
        Span<byte> code = stackalloc byte[2];
        Assert.Equal(2, Thread.Space.ReadCode(Cpuid.Value, code));
        Assert.Equal([0x0f, 0xa2], code.ToArray());
    }

    [Fact]
    public void Where_there_are_no_breakpoints_it_is_UD2()
    {
        string? notice = null;
        Begin();
        _engine.Tracer.OnNotice = text => notice = text;
        _engine.Platform.HasBreakpoints = false;
        _engine.Enter(Thread, _image.Tcs);
        _engine.Touch(Thread, _image.Heap);

        Span<byte> code = stackalloc byte[2];
        Assert.Equal(2, Thread.Space.ReadCode(Cpuid.Value, code));
        Assert.Equal([0x0f, 0x0b], code.ToArray());
        Assert.Contains("breakpoints", notice);
    }

    [Fact]
    public void A_breakpoint_is_an_invalid_opcode_inside()
    {
        Begin();
        _engine.Enter(Thread, _image.Tcs);
        _engine.Touch(Thread, _image.Heap);
        Thread.Registers.Rip = Cpuid.Value;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapHardwareBreakpoint, Cpuid.Value);

        Assert.False(Thread.Processor.EnclaveMode);
        Assert.Equal((ulong)ExceptionVector.InvalidOpcode, _engine.Platform.Raised[^1].Trap);
    }

    [Fact]
    public void A_division_by_zero_inside_is_told_after_an_exit()
    {
        Begin();
        _engine.Enter(Thread, _image.Tcs);
        _engine.Fault(Thread, Signal.SIGFPE, code: 1, Thread.Peek().Rip);

        Assert.False(Thread.Processor.EnclaveMode);
        Assert.Equal(((ulong)ExceptionVector.DivideError, Signal.SIGFPE),
            (_engine.Platform.Raised[^1].Trap, _engine.Platform.Raised[^1].Number));
    }

    [Fact]
    public void What_was_raised_before_is_raised_again_as_it_was()
    {
        Begin();
        _engine.Enter(Thread, _image.Tcs);
        _engine.Platform.OnRaise = Delivery.Later;
        _engine.Fault(Thread, Signal.SIGFPE, code: 1, Thread.Peek().Rip);
        (_engine.Platform.Cause, _engine.Platform.OnRaise) = ((_, _) => SignalCause.Raised, Delivery.ByKernel);
        _engine.Fault(Thread, Signal.SIGFPE, code: -6, address: 0);

        Assert.Equal(_engine.Platform.Raised[^2], _engine.Platform.Raised[^1]);
        Assert.Contains($"run {Thread.Id} with {Signal.SIGFPE}", _engine.Platform.Log);
    }

    [Fact]
    public void A_fault_of_the_programs_own_is_the_programs()
    {
        Begin();
        _engine.Touch(Thread, new LinearAddress(0x1000));

        Assert.Contains($"run {Thread.Id} with {Signal.SIGSEGV}", _engine.Platform.Log);
    }

    [Fact]
    public void With_strict_isolation_enclave_memory_is_there_while_a_thread_is_inside()
    {
        Begin(IsolationMode.Strict);

        // The host's code is this test's, and must stay executable.
        _engine.Held(Thread).OnCall =
            call => call.Number == SystemCall.Mprotect && call.Arguments[0] - _image.Base >= _image.Size ? 0 : null;
        _engine.Enter(Thread, _image.Tcs);
        Assert.False(Thread.Space.HidesEnclaves);
        _engine.Execute(Thread, EncluLeaf.Eexit, rbx: _engine.Enclu, rcx: 0);

        Assert.True(Thread.Space.HidesEnclaves);
    }

    [Fact]
    public void Power_is_lost_at_the_entry_that_was_planned()
    {
        Begin(losses: new PowerLossPlan { Entries = [2] });
        _engine.Enter(Thread, _image.Tcs);
        Assert.True(Thread.Processor.EnclaveMode);
        _engine.Execute(Thread, EncluLeaf.Eexit, rbx: _engine.Enclu, rcx: 0);
        _engine.Enter(Thread, _image.Tcs);

        Assert.False(Thread.Processor.EnclaveMode);
        Assert.Equal((ulong)ExceptionVector.PageFault, _engine.Platform.Raised[^1].Trap);
    }
}
