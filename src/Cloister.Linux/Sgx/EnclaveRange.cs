using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Linux;

/// <summary>Linear addresses set aside for one enclave, aligned to its size, and what of the device is mapped there.</summary>
public sealed class EnclaveRange : SafeHandle
{
    private EnclaveRange(nint address, ulong length)
        : base(0, ownsHandle: true)
    {
        SetHandle(address);
        Length = length;
    }

    /// <summary>Bytes in it.</summary>
    public ulong Length { get; }

    /// <summary>Its first address.</summary>
    public ulong Address => (ulong)handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Sets addresses aside. SDM 3D, ECREATE: an enclave's base is a multiple of its size.</summary>
    /// <param name="length">A power of two, at least 4096 bytes.</param>
    /// <exception cref="LinuxException">There is no such room.</exception>
    public static EnclaveRange Reserve(ulong length)
    {
        if (length is < HostPage.Size or > 1ul << 46 || (length & (length - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, "not a power of two from 4096 to 2^46");
        }

        nint twice = (nint)(2 * length);
        nint found = NativeMethods.Mmap(0, (nuint)twice, MemoryProtection.None, MemoryProtection.Private | MemoryProtection.Anonymous
            | MemoryProtection.NoReserve, -1, 0);
        if (found == -1)
        {
            throw new LinuxException("mmap", NativeMethods.LastError);
        }

        ulong start = ((ulong)found + length - 1) & ~(length - 1), end = start + length, all = (ulong)found + (2 * length);
        if (start > (ulong)found)
        {
            _ = NativeMethods.Munmap(found, (nuint)(start - (ulong)found));
        }

        if (all > end)
        {
            _ = NativeMethods.Munmap((nint)end, (nuint)(all - end));
        }

        return new EnclaveRange((nint)start, length);
    }

    /// <summary>Maps a part of the device here: mmap(2), MAP_SHARED and MAP_FIXED. Returns the kernel's answer.</summary>
    /// <param name="device">An open /dev/sgx_enclave.</param>
    /// <param name="offset">Bytes from <see cref="Address"/>, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="protection">PROT_ bits.</param>
    /// <param name="populate">MAP_POPULATE: touch every page now.</param>
    public Errno Map(SafeFileHandle device, ulong offset, ulong length, int protection, bool populate = false)
    {
        ArgumentNullException.ThrowIfNull(device);
        Check(offset, length);
        bool held = false;
        try
        {
            device.DangerousAddRef(ref held);
            int flags = MemoryProtection.Shared | MemoryProtection.Fixed | (populate ? MemoryProtection.Populate : 0);
            return NativeMethods.Mmap((nint)(Address + offset), (nuint)length, protection, flags, (int)device.DangerousGetHandle(), 0) == -1
                ? NativeMethods.LastError : Errno.None;
        }
        finally
        {
            if (held)
            {
                device.DangerousRelease();
            }
        }
    }

    /// <summary>Takes what is mapped away and keeps the addresses set aside.</summary>
    public Errno Unmap(ulong offset, ulong length)
    {
        Check(offset, length);
        const int flags = MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.NoReserve | MemoryProtection.Fixed;
        return NativeMethods.Mmap((nint)(Address + offset), (nuint)length, MemoryProtection.None, flags, -1, 0) == -1
            ? NativeMethods.LastError : Errno.None;
    }

    /// <summary>mprotect(2) of a part.</summary>
    public Errno Protect(ulong offset, ulong length, int protection)
    {
        Check(offset, length);
        return NativeMethods.SystemCall(SystemCall.Mprotect, (long)(Address + offset), (long)length, protection, 0, 0, 0) < 0
            ? NativeMethods.LastError : Errno.None;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => NativeMethods.Munmap(handle, (nuint)Length) == 0;

    private void Check(ulong offset, ulong length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }
}
