using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Installs a seccomp filter in a program that has no pages of Cloister's yet: the calls that these make need it.</summary>
internal static class BareFilter
{
    private const ulong SetModeFilter = 1, ThreadSync = 1, SetNoNewPrivileges = 38;

    /// <summary>Installs one.</summary>
    /// <param name="thread">Where it stands.</param>
    /// <param name="program">The filter.</param>
    /// <param name="flags">SECCOMP_FILTER_FLAG_ bits.</param>
    /// <param name="address">Memory of the program for it.</param>
    /// <param name="call">How a call is made.</param>
    /// <returns>What seccomp gave: minus an errno where there is none.</returns>
    public static long Install(PtraceThread thread, byte[] program, ulong flags, ulong address, Func<long, ulong[], long> call)
    {
        byte[] data = new byte[16 + program.Length];
        BitConverter.TryWriteBytes(data.AsSpan(0), (ushort)(program.Length / 8));
        BitConverter.TryWriteBytes(data.AsSpan(8), address + 16);
        program.CopyTo(data, 16);
        _ = thread.Process.Memory.Bytes.TryWrite(address, data);
        long result = call(SystemCall.Seccomp, [SetModeFilter, flags, address]);
        if (result == -(long)Errno.EACCES)
        {
            // Without CAP_SYS_ADMIN a filter needs no_new_privs. seccomp(2).
            _ = call(SystemCall.Prctl, [SetNoNewPrivileges, 1, 0, 0, 0]);
            result = call(SystemCall.Seccomp, [SetModeFilter, flags, address]);
        }

        return result;
    }

    /// <summary>Installs one in all threads of a program that runs, or in this one where another has filters of its own.</summary>
    public static Errno InstallInAll(PtraceThread thread, byte[] program, Func<long, ulong[], long> call)
    {
        ulong length = HostPage.Whole((ulong)program.Length + 16);
        long at = call(SystemCall.Mmap, [0, length, MemoryProtection.Read | MemoryProtection.Write,
            MemoryProtection.Private | MemoryProtection.Anonymous, ulong.MaxValue, 0]);
        if (at is < 0 and >= -4095)
        {
            return (Errno)(-at);
        }

        long result = Install(thread, program, ThreadSync, (ulong)at, call);
        result = result > 0 ? Install(thread, program, 0, (ulong)at, call) : result;
        _ = call(SystemCall.Munmap, [(ulong)at, length]);
        return result < 0 ? (Errno)(-result) : Errno.None;
    }
}
