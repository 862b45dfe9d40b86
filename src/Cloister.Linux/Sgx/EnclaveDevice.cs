using Microsoft.Win32.SafeHandles;

namespace Cloister.Linux;

/// <summary>
/// The ioctls of an open /dev/sgx_enclave. Source: uapi asm/sgx.h of Linux 6.0 and later, but for AUGMENT_PAGES; each argument is a row of
/// u64.
/// </summary>
public sealed unsafe class EnclaveDevice : IDisposable
{
    /// <summary>The device that makes enclaves, since Linux 5.11.</summary>
    public const string EnclavePath = "/dev/sgx_enclave";

    /// <summary>The device whose descriptor permits the provisioning key.</summary>
    public const string ProvisionPath = "/dev/sgx_provision";

    /// <summary>SGX_PAGE_MEASURE: EEXTEND the added pages.</summary>
    public const ulong MeasurePages = 1;

    private const uint Write = 1u << 30, Read = 2u << 30, Magic = 0xa4 << 8;
    private readonly SafeFileHandle _file;

    private EnclaveDevice(SafeFileHandle file) => _file = file;

    /// <summary>The descriptor, for mmap.</summary>
    public SafeFileHandle File => _file;

    /// <summary>Opens the device: each open file is one enclave to be.</summary>
    /// <param name="device">The device, or null when <paramref name="path"/> cannot be opened.</param>
    /// <param name="path">The device node.</param>
    /// <returns>The kernel's answer.</returns>
    public static Errno Open(out EnclaveDevice? device, string path = EnclavePath)
    {
        int descriptor = HostKernel.Open(path);
        device = descriptor < 0 ? null : new EnclaveDevice(new SafeFileHandle(descriptor, ownsHandle: true));
        return descriptor < 0 ? (Errno)(-descriptor) : Errno.None;
    }

    /// <summary>SGX_IOC_ENCLAVE_CREATE.</summary>
    /// <param name="secs">The SECS, 4096 bytes.</param>
    public Errno Create(ReadOnlySpan<byte> secs)
    {
        fixed (byte* p = secs)
        {
            return Ioctl(Write, 0, [(ulong)p]);
        }
    }

    /// <summary>SGX_IOC_ENCLAVE_ADD_PAGES.</summary>
    /// <param name="source">The pages' bytes.</param>
    /// <param name="sourceOffset">Where in it they begin: a multiple of 4096.</param>
    /// <param name="offset">Where in the enclave.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="secinfo">The SECINFO, 64 bytes.</param>
    /// <param name="flags">0 or <see cref="MeasurePages"/>.</param>
    /// <param name="added">Bytes that were added.</param>
    public Errno AddPages(PageBuffer source, ulong sourceOffset, ulong offset, ulong length, ReadOnlySpan<byte> secinfo, ulong flags,
        out ulong added)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sourceOffset, (ulong)source.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, (ulong)source.Length - sourceOffset);
        fixed (byte* p = secinfo)
        {
            Span<ulong> argument = [source.Address + sourceOffset, offset, length, (ulong)p, flags, 0];
            Errno error = Ioctl(Write | Read, 1, argument);
            added = argument[5];
            return error;
        }
    }

    /// <summary>SGX_IOC_ENCLAVE_INIT.</summary>
    /// <param name="sigstruct">The SIGSTRUCT, 1808 bytes.</param>
    public Errno Init(ReadOnlySpan<byte> sigstruct)
    {
        fixed (byte* p = sigstruct)
        {
            return Ioctl(Write, 2, [(ulong)p]);
        }
    }

    /// <summary>SGX_IOC_ENCLAVE_PROVISION.</summary>
    /// <param name="provision">An open <see cref="ProvisionPath"/>.</param>
    public Errno Provision(EnclaveDevice provision)
    {
        ArgumentNullException.ThrowIfNull(provision);
        bool held = false;
        try
        {
            provision._file.DangerousAddRef(ref held);
            return Ioctl(Write, 3, [(ulong)provision._file.DangerousGetHandle()]);
        }
        finally
        {
            if (held)
            {
                provision._file.DangerousRelease();
            }
        }
    }

    /// <summary>SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS.</summary>
    /// <param name="offset">Where in the enclave.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="permissions">R, W and X as in SECINFO.FLAGS.</param>
    /// <param name="result">EMODPR's error code, when there was one.</param>
    /// <param name="changed">Bytes that were changed.</param>
    public Errno RestrictPermissions(ulong offset, ulong length, ulong permissions, out ulong result, out ulong changed) =>
        Change(5, offset, length, permissions, out result, out changed);

    /// <summary>SGX_IOC_ENCLAVE_MODIFY_TYPES.</summary>
    /// <param name="offset">Where in the enclave.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="pageType">PAGE_TYPE as in SECINFO.FLAGS, 8 bits.</param>
    /// <param name="result">EMODT's error code, when there was one.</param>
    /// <param name="changed">Bytes that were changed.</param>
    public Errno ModifyTypes(ulong offset, ulong length, ulong pageType, out ulong result, out ulong changed) =>
        Change(6, offset, length, pageType, out result, out changed);

    /// <summary>SGX_IOC_ENCLAVE_REMOVE_PAGES.</summary>
    /// <param name="offset">Where in the enclave.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="removed">Bytes that were removed.</param>
    public Errno RemovePages(ulong offset, ulong length, out ulong removed)
    {
        Span<ulong> argument = [offset, length, 0];
        Errno error = Ioctl(Write | Read, 7, argument);
        removed = argument[2];
        return error;
    }

    /// <summary>SGX_IOC_ENCLAVE_AUGMENT_PAGES of the RFC of 4 March 2022, which was never merged. Elsewhere it is ENOTTY.</summary>
    /// <param name="offset">Where in the enclave.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="added">Bytes that were added.</param>
    public Errno AugmentPages(ulong offset, ulong length, out ulong added)
    {
        Span<ulong> argument = [offset, length, 0];
        Errno error = Ioctl(Write | Read, 9, argument);
        added = argument[2];
        return error;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private Errno Change(uint number, ulong offset, ulong length, ulong what, out ulong result, out ulong changed)
    {
        Span<ulong> argument = [offset, length, what, 0, 0];
        Errno error = Ioctl(Write | Read, number, argument);
        result = argument[3];
        changed = argument[4];
        return error;
    }

    private Errno Ioctl(uint direction, uint number, Span<ulong> argument)
    {
        bool held = false;
        try
        {
            _file.DangerousAddRef(ref held);
            fixed (ulong* p = argument)
            {
                uint command = direction | ((uint)(argument.Length * sizeof(ulong)) << 16) | Magic | number;
                return NativeMethods.Ioctl((int)_file.DangerousGetHandle(), command, p) < 0 ? NativeMethods.LastError : Errno.None;
            }
        }
        finally
        {
            if (held)
            {
                _file.DangerousRelease();
            }
        }
    }
}
