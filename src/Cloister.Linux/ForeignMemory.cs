namespace Cloister.Linux;

/// <summary>
/// The memory of a thread that this process does not hold, a few bytes at a time: nothing is kept open. May be used by any thread.
/// </summary>
public static unsafe class ForeignMemory
{
    /// <summary>Reads what can be read from an address on, to the end of its page at least.</summary>
    /// <returns>How many bytes; 0 where this process may not look.</returns>
    public static int Read(int thread, ulong address, Span<byte> into)
    {
        int first = (int)Math.Min((ulong)into.Length, HostPage.Size - address % HostPage.Size);
        fixed (byte* p = into)
        {
            // A transfer ends before the first element that cannot be read. process_vm_readv(2).
            nint* local = stackalloc nint[2] { (nint)p, into.Length };
            nint* remote = stackalloc nint[4] { (nint)address, first, (nint)(address + (ulong)first), into.Length - first };
            long read = NativeMethods.SystemCall(SystemCall.ProcessVmReadv, thread, (long)local, 1, (long)remote,
                first == into.Length ? 1 : 2, 0);
            return (int)Math.Max(read, 0);
        }
    }

    /// <summary>Writes, where the process itself could. False when a byte could not be written.</summary>
    public static bool TryWrite(int thread, ulong address, ReadOnlySpan<byte> from)
    {
        fixed (byte* p = from)
        {
            nint* local = stackalloc nint[2] { (nint)p, from.Length };
            nint* remote = stackalloc nint[2] { (nint)address, from.Length };
            return NativeMethods.SystemCall(SystemCall.ProcessVmWritev, thread, (long)local, 1, (long)remote, 1, 0) == from.Length;
        }
    }
}
