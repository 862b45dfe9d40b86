using Cloister.Architecture;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public sealed class TrapDecoderTests : IDisposable
{
    private readonly OwnThread _own = new();

    public void Dispose() => _own.Dispose();

    [Theory]
    [InlineData(Signal.SIGILL, SignalInformation.IllegalOperand, ExceptionVector.InvalidOpcode)]
    [InlineData(Signal.SIGSEGV, SignalInformation.SiKernel, ExceptionVector.GeneralProtection)]
    [InlineData(Signal.SIGSEGV, SignalInformation.SegvAccessError, ExceptionVector.PageFault)]
    [InlineData(Signal.SIGBUS, SignalInformation.BusAddressError, ExceptionVector.PageFault)]
    [InlineData(Signal.SIGBUS, 1, ExceptionVector.AlignmentCheck)]
    [InlineData(Signal.SIGFPE, 1, ExceptionVector.DivideError)]
    [InlineData(Signal.SIGTRAP, SignalInformation.SiKernel, ExceptionVector.Breakpoint)]
    [InlineData(Signal.SIGTRAP, SignalInformation.TrapTrace, ExceptionVector.Debug)]
    public void A_signal_tells_of_its_exception(int signal, int code, ExceptionVector vector) =>
        Assert.Equal(vector, TrapDecoder.VectorOf(_own.Thread, new SignalInformation { Signal = signal, Code = code }));

    [Fact]
    public void The_instruction_tells_what_it_was_about_to_do()
    {
        _own.Thread.Registers.Rdi = 0x1000;

        Assert.Equal(AccessKind.Read, TrapDecoder.AccessOf(_own.Thread, TestEngine.Touching.AsSpan(0, 3), 0x1000));
        Assert.Equal(AccessKind.Write, TrapDecoder.AccessOf(_own.Thread, TestEngine.Touching.AsSpan(3, 3), 0x1000));
    }
}
