using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>Whole pages of ordinary memory at an address that does not change: what the kernel and an enclave can be pointed to.</summary>
public sealed unsafe class PageBuffer : SafeHandle
{
    private PageBuffer(nint address, int length)
        : base(0, ownsHandle: true)
    {
        SetHandle(address);
        Length = length;
    }

    /// <summary>Bytes in it.</summary>
    public int Length { get; }

    /// <summary>Address of its first byte, a multiple of 4096.</summary>
    public ulong Address => (ulong)handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Allocates at least that many bytes, zero.</summary>
    public static PageBuffer Allocate(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        int length = checked((bytes + HostPage.Size - 1) & ~(HostPage.Size - 1));
        nint address = NativeMethods.Mmap(0, (nuint)length, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Private
            | MemoryProtection.Anonymous, -1, 0);
        return address == -1 ? throw new LinuxException("mmap", NativeMethods.LastError) : new PageBuffer(address, length);
    }

    /// <summary>The bytes. Not to be used after it is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public Span<byte> Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return new((void*)handle, Length);
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => NativeMethods.Munmap(handle, (nuint)Length) == 0;
}
