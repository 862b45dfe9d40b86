using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public sealed class SignalCausesTests : IDisposable
{
    private const ulong Rip = 0x400123;
    private readonly OwnThread _own = new();

    public SignalCausesTests() => At(ulong.MaxValue);

    public void Dispose() => _own.Dispose();

    private void At(ulong originalRax) => (_own.Thread.Registers.OrigRax, _own.Thread.Registers.Rip) = (originalRax, Rip);

    private bool IsException(int signal, int code, ulong address = Rip) =>
        SignalCauses.IsException(_own.Thread, new SignalInformation { Signal = signal, Code = code, Address = address });

    [Fact]
    public void The_kernel_tells_of_the_instruction()
    {
        Assert.True(IsException(Signal.SIGILL, SignalInformation.IllegalOperand));
        Assert.True(IsException(Signal.SIGFPE, 1));
        Assert.True(IsException(Signal.SIGTRAP, SignalInformation.TrapTrace));
    }

    [Fact]
    public void Another_address_is_a_forgery()
    {
        Assert.False(IsException(Signal.SIGILL, SignalInformation.IllegalOperand, Rip + 1));
        Assert.False(IsException(Signal.SIGFPE, 1, 0));
    }

    [Fact]
    public void A_memory_fault_is_anywhere()
    {
        Assert.True(IsException(Signal.SIGSEGV, SignalInformation.SegvMapError, 8));
        Assert.True(IsException(Signal.SIGBUS, SignalInformation.BusAddressError, 8));
    }

    [Fact]
    public void What_a_process_sent_is_no_exception()
    {
        Assert.False(IsException(Signal.SIGSEGV, 0));
        Assert.False(IsException(Signal.SIGSEGV, -6));
    }

    [Fact]
    public void In_a_system_call_nothing_is_raised()
    {
        At(39);
        Assert.False(IsException(Signal.SIGSEGV, SignalInformation.SegvMapError));
        Assert.False(IsException(Signal.SIGILL, SignalInformation.IllegalOperand));
    }

    [Fact]
    public void Other_signals_are_never_exceptions() => Assert.False(IsException(Signal.SIGTERM, 1));
}
