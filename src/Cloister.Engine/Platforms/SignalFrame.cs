using System.Buffers.Binary;

namespace Cloister.Engine.Platforms;

/// <summary>The signal frame on a handler's stack. Source: uapi asm/sigcontext.h and asm-generic/ucontext.h.</summary>
internal static class SignalFrame
{
    // RSP points to the return address; ucontext follows; its mcontext begins 40 bytes in and holds 8-byte registers.
    private const int Registers = 8 + 40;
    private const int ErrorCode = Registers + 19 * 8, Trap = Registers + 20 * 8, FaultAddress = Registers + 22 * 8;

    /// <summary>Gives the frame of a thread that is at a handler's first instruction the exception's numbers.</summary>
    public static void Write(IHeldThread thread, in ProgramSignal signal)
    {
        ulong rsp = thread.Peek().Rsp;
        Put(thread, rsp + ErrorCode, signal.ErrorCode);
        Put(thread, rsp + Trap, signal.Trap);
        if (signal.FaultAddress is { } address)
        {
            Put(thread, rsp + FaultAddress, address);
        }
    }

    private static void Put(IHeldThread thread, ulong address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        _ = thread.Process.Memory.Bytes.TryWrite(address, bytes);
    }
}
