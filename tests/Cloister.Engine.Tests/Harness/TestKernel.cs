using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Harness;

/// <summary>
/// Makes system calls in this process that the engine makes in its program's name: those about memory and files that do no harm.
/// </summary>
internal sealed class TestKernel
{
    private static readonly HashSet<long> s_harmless =
    [
        SystemCall.MemfdCreate, SystemCall.Mmap, SystemCall.Munmap, SystemCall.Mprotect, SystemCall.Mremap, SystemCall.Madvise,
        SystemCall.Munlock, SystemCall.Close,
        SystemCall.Lseek, SystemCall.Flock, SystemCall.Fstat, SystemCall.Fcntl, SystemCall.Getpid, SystemCall.Msync, SystemCall.Mincore,
    ];

    /// <summary>Makes calls, whose data lie where the program would have them.</summary>
    public long[] Make(HeldMemory memory, RemoteCalls calls, Func<RemoteCall, long?>? answer)
    {
        const int room = Area.TableLength - Area.DataOffset;
        byte[] data = GC.AllocateArray<byte>(room, pinned: true);
        calls.DataBytes.CopyTo(data);
        ulong start = (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(data, 0);
        long[] results = [.. calls.All.Select(call => answer?.Invoke(call) ?? Make(call.Number, [.. call.Arguments.Select(Here)]))];
        data.CopyTo(memory.Table!.Slice(RemoteCalls.Offset(RemoteCalls.DataAddress), room));
        return results;

        ulong Here(ulong argument) => argument - RemoteCalls.DataAddress < room ? start + (argument - RemoteCalls.DataAddress) : argument;
    }

    /// <summary>Makes one call.</summary>
    public static long Make(long number, ReadOnlySpan<ulong> arguments)
    {
        if (!s_harmless.Contains(number))
        {
            return 0;
        }

        Span<ulong> all = stackalloc ulong[6];
        arguments.CopyTo(all);
        long result = NativeMethods.SystemCall(number, (long)all[0], (long)all[1], (long)all[2], (long)all[3], (long)all[4], (long)all[5]);
        return result < 0 ? -Marshal.GetLastPInvokeError() : result;
    }
}
