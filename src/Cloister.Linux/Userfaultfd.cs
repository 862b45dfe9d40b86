namespace Cloister.Linux;

/// <summary>A userfaultfd of another process: decides which pages of its shared mappings are present and which are writable.</summary>
/// <remarks>Source: userfaultfd(2), ioctl_userfaultfd(2), uapi linux/userfaultfd.h. With FEATURE_SIGBUS a refused access is a SIGBUS of the
/// thread, which its tracer sees; nothing is ever read from the descriptor.</remarks>
public sealed unsafe class Userfaultfd : IDisposable
{
    /// <summary>UFFD_USER_MODE_ONLY: what an ordinary user may have.</summary>
    public const int UserModeOnly = 1;

    /// <summary>UFFDIO_REGISTER; its argument begins with the first byte and the length.</summary>
    public const uint RegisterRequest = 0xc020aa00;

    /// <summary>UFFDIO_UNREGISTER; its argument is the first byte and the length.</summary>
    public const uint UnregisterRequest = 0x8010aa01;

    private const ulong Magic = 0xaa;
    private const ulong FeatureSigbus = 1 << 7, FeatureMissingShmem = 1 << 5, FeatureMinorShmem = 1 << 10,
        FeatureWpHugetlbfsShmem = 1 << 12, FeatureFlagWp = 1;
    private const nuint ApiRequest = 0xc018aa3f, WriteProtectRequest = 0xc018aa06, ContinueRequest = 0xc020aa07;
    private readonly int _descriptor;

    /// <summary>Takes over a descriptor and performs the handshake. Throws when the kernel lacks a feature that is needed.</summary>
    public Userfaultfd(int descriptor)
    {
        _descriptor = descriptor;
        var api = stackalloc ulong[3] { Magic, FeatureSigbus | FeatureMissingShmem | FeatureMinorShmem | FeatureWpHugetlbfsShmem
            | FeatureFlagWp, 0 };
        if (NativeMethods.Ioctl(descriptor, ApiRequest, api) < 0)
        {
            Errno error = NativeMethods.LastError;
            Dispose();
            throw new LinuxException("ioctl(UFFDIO_API)", error);
        }
    }

    /// <summary>The features that are needed, by the kernel's names.</summary>
    public static IReadOnlyList<(string Name, ulong Bit)> NeededFeatures { get; } =
    [
        ("SIGBUS", FeatureSigbus),
        ("MISSING_SHMEM", FeatureMissingShmem),
        ("MINOR_SHMEM", FeatureMinorShmem),
        ("WP_HUGETLBFS_SHMEM", FeatureWpHugetlbfsShmem),
        ("PAGEFAULT_FLAG_WP", FeatureFlagWp),
    ];

    /// <summary>What this kernel gives this user.</summary>
    /// <param name="features">UFFD_FEATURE_* bits.</param>
    /// <returns><see cref="Errno.None"/>, or why no userfaultfd can be had.</returns>
    public static Errno Probe(out ulong features)
    {
        features = 0;
        int descriptor = (int)NativeMethods.SystemCall(SystemCall.Userfaultfd, 0x80000 | UserModeOnly, 0, 0, 0, 0, 0);
        if (descriptor < 0)
        {
            return NativeMethods.LastError;
        }

        var api = stackalloc ulong[3] { Magic, 0, 0 };
        Errno error = NativeMethods.Ioctl(descriptor, ApiRequest, api) < 0 ? NativeMethods.LastError : Errno.None;
        features = api[1];
        _ = NativeMethods.Close(descriptor);
        return error;
    }

    /// <summary>Watches a range: missing pages, pages in the file but not in the page table, and write protection.</summary>
    public Errno Register(ulong start, ulong length)
    {
        var argument = stackalloc ulong[4] { start, length, 1 | 2 | 4, 0 };
        return Call(RegisterRequest, argument);
    }

    /// <summary>Stops watching a range.</summary>
    public Errno Unregister(ulong start, ulong length)
    {
        var argument = stackalloc ulong[2] { start, length };
        return Call(UnregisterRequest, argument);
    }

    /// <summary>Maps pages that are in the file. Pages that are mapped already are passed over.</summary>
    public Errno Continue(ulong start, ulong length, bool writeProtected) => Continue(start, length, writeProtected, out _);

    /// <summary>The same.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="writeProtected">Whether a write is to fault.</param>
    /// <param name="added">Bytes that were not mapped before.</param>
    public Errno Continue(ulong start, ulong length, bool writeProtected, out ulong added)
    {
        added = 0;
        const ulong dontWake = 1, writeProtect = 2;
        ulong end = start + length;
        var argument = stackalloc ulong[4];
        while (start < end)
        {
            argument[0] = start;
            argument[1] = end - start;
            argument[2] = dontWake | (writeProtected ? writeProtect : 0);
            argument[3] = 0;
            Errno error = Call(ContinueRequest, argument);
            long mapped = (long)argument[3];
            added += (ulong)Math.Max(mapped, 0);
            if (error == Errno.None)
            {
                return Errno.None;
            }

            if (mapped > 0)
            {
                start += (ulong)mapped;
            }
            else if (error == Errno.EEXIST)
            {
                start += HostPage.Size;
            }
            else if (error != Errno.EAGAIN)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>Takes away or gives back the right to write to the pages of a range.</summary>
    public Errno WriteProtect(ulong start, ulong length, bool on)
    {
        var argument = stackalloc ulong[3] { start, length, 0 };
        Errno error;
        do
        {
            argument[2] = on ? 1UL : 0UL;
            error = Call(WriteProtectRequest, argument);
        }
        while (error == Errno.EAGAIN);
        return error;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = NativeMethods.Close(_descriptor);

    private Errno Call(nuint request, void* argument) =>
        NativeMethods.Ioctl(_descriptor, request, argument) < 0 ? NativeMethods.LastError : Errno.None;
}
