using Cloister.Architecture;
using Cloister.Engine.Instructions;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>What the processor raised, as far as the kernel tells a tracer: it has the signal, and neither vector nor error code.</summary>
internal static class TrapDecoder
{
    /// <summary>The exception behind a signal. The signals of arch/x86/kernel/traps.c and arch/x86/mm/fault.c.</summary>
    public static ExceptionVector VectorOf(IHeldThread thread, in SignalInformation information)
    {
        const int divide = 1; // FPE_INTDIV
        return information.Signal switch
        {
            Signal.SIGILL => ExceptionVector.InvalidOpcode,
            Signal.SIGSEGV => information.Code == SignalInformation.SiKernel ? ExceptionVector.GeneralProtection
                : ExceptionVector.PageFault,
            Signal.SIGBUS => information.Code == SignalInformation.BusAddressError ? ExceptionVector.PageFault
                : ExceptionVector.AlignmentCheck,
            Signal.SIGFPE when information.Code == divide => ExceptionVector.DivideError,
            Signal.SIGFPE => IsSimd(thread) ? ExceptionVector.SimdFloatingPoint : ExceptionVector.X87FloatingPoint,
            _ => information.Code == SignalInformation.SiKernel ? ExceptionVector.Breakpoint : ExceptionVector.Debug,
        };
    }

    /// <summary>What an instruction that faulted at an address was about to do there: the error code would say.</summary>
    public static AccessKind AccessOf(IHeldThread thread, ReadOnlySpan<byte> code, ulong address) =>
        InstructionAccess.KindOf(code, thread.Peek(), address);

    private static bool IsSimd(IHeldThread thread)
    {
        Span<byte> code = stackalloc byte[InstructionAccess.MaximumLength];
        int length = thread.Process.Memory.ReadCode(thread.Peek().Rip, code);
        return !(InstructionAccess.WaitsForX87(code[..length]) && thread.HasX87Exception);
    }
}
