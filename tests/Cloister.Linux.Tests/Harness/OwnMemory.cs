using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cloister.Linux.Tests.Harness;

/// <summary>Addresses in this process.</summary>
internal static class OwnMemory
{
    /// <summary>Where a span of unmanaged memory lies.</summary>
    public static ulong AddressOf(Span<byte> unmanaged) =>
        (ulong)Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(unmanaged));

    /// <summary>Private memory of whole pages with that protection.</summary>
    public static ulong Map(int pages, int protection = MemoryProtection.Read | MemoryProtection.Write)
    {
        nint address = NativeMethods.Mmap(0, (nuint)pages * 4096, protection, MemoryProtection.Private | MemoryProtection.Anonymous, -1, 0);
        Assert.NotEqual(-1, address);
        return (ulong)address;
    }

    public static void Protect(ulong address, int pages, int protection) =>
        Assert.Equal(0, NativeMethods.SystemCall(SystemCall.Mprotect, (long)address, pages * 4096, protection, 0, 0, 0));

    public static void Unmap(ulong address, int pages) => Assert.Equal(0, NativeMethods.Munmap((nint)address, (nuint)pages * 4096));
}
