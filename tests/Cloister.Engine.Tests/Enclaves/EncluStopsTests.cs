using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Enclaves;

/// <summary>
/// <see cref="EncluStops"/>, <see cref="InvalidOpcodes"/>, <see cref="AsynchronousExits"/> and <see cref="SignalDelivery"/>: entries, exits
/// and what interrupts them.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class EncluStopsTests : IDisposable
{
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();

    public EncluStopsTests() => _engine.Build(_image);

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void An_entry_goes_to_the_enclaves_code()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);

        Assert.True(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal(_image.At(EnclaveImage.CodePage).Value, _engine.Thread.Peek().Rip);
        Assert.Contains($"run {_engine.Thread.Id}", _engine.Platform.Log);
    }

    [Fact]
    public void An_exit_goes_where_the_enclave_says()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Execute(_engine.Thread, EncluLeaf.Eexit, rbx: 0x1234, rcx: 0);

        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal(0x1234UL, _engine.Thread.Peek().Rip);
    }

    [Fact]
    public void A_signal_finds_the_thread_at_the_exit_pointer_and_nothing_of_the_enclave()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Thread.Registers.R15 = 0x5ec4e7;
        _engine.Platform.Cause = (_, _) => SignalCause.Sent;
        _engine.Fault(_engine.Thread, Signal.SIGTERM, code: 0, address: 0);

        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal((_engine.Enclu, 0UL), (_engine.Thread.Peek().Rip, _engine.Thread.Peek().R15));
        Assert.Contains($"run {_engine.Thread.Id} with {Signal.SIGTERM}", _engine.Platform.Log);
    }

    [Fact]
    public void A_resumption_goes_on_where_the_enclave_was()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);
        (_engine.Thread.Registers.R15, _engine.Thread.Registers.Rip) = (0x5ec4e7, _image.At(EnclaveImage.CodePage).Value + 7);
        _engine.Platform.Cause = (_, _) => SignalCause.Sent;
        _engine.Fault(_engine.Thread, Signal.SIGTERM, code: 0, address: 0);
        _engine.Platform.Cause = (_, _) => SignalCause.Exception;
        _engine.Execute(_engine.Thread, EncluLeaf.Eresume, _image.Tcs.Value, _engine.Enclu);

        Assert.True(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal((_image.At(EnclaveImage.CodePage).Value + 7, 0x5ec4e7UL), (_engine.Thread.Peek().Rip, _engine.Thread.Peek().R15));
    }

    [Fact]
    public void A_second_thread_may_not_have_the_same_TCS()
    {
        TracedThread other = _engine.Add(2, _engine.Thread.Process);
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Enter(other, _image.Tcs);

        Assert.False(other.Processor.EnclaveMode);
        Assert.Equal(((ulong)ExceptionVector.GeneralProtection, Signal.SIGSEGV),
            (_engine.Platform.Raised[^1].Trap, _engine.Platform.Raised[^1].Number));
    }

    [Fact]
    public void An_instruction_that_is_none_is_the_programs()
    {
        _engine.Thread.Registers.Rip = _engine.Enclu + 8;
        _engine.Fault(_engine.Thread, Signal.SIGILL, SignalInformation.IllegalOperand, _engine.Enclu + 8);

        Assert.Contains($"run {_engine.Thread.Id} with {Signal.SIGILL}", _engine.Platform.Log);
    }

    [Fact]
    public void A_system_call_inside_is_an_invalid_opcode()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Thread.Registers.Rip = _image.At(EnclaveImage.CodePage).Value + 2;
        _ = _engine.Call(_engine.Thread, SystemCall.Getpid);

        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal((ulong)ExceptionVector.InvalidOpcode, _engine.Platform.Raised[^1].Trap);
    }
}
