using System.Buffers;
using System.Text;

namespace Cloister.Images;

/// <summary>
/// Which release of the Intel SDK an enclave was built with: the signer of that release has its own metadata and its own picture
/// of g_global_data. intel/linux-sgx, the tags sgx_2.3 to sgx_2.26 of common/inc/internal/{metadata,global_data,thread_data}.h,
/// common/inc/sgx_attributes.h and sdk/sign_tool/SignTool.
/// </summary>
internal sealed record SdkRelease(Version Number)
{
    private const ulong Legacy = 3;
    private const ulong Avx = 6;
    private const ulong Avx512 = 0xe6;
    private const ulong Pkru = 0x200;
    private const ulong Amx = 0x60000;

    private static readonly Version Oldest = new(2, 3);

    // The last that was compared with its source or its files; a later one is taken for this when g_global_data has the same size.
    private static readonly Version Newest = new(2, 28);

    private static readonly SearchValues<byte> NumberBytes = SearchValues.Create("0123456789."u8);

    private static ReadOnlySpan<byte> Mark => "SGX_TRTS_VERSION_"u8;

    public bool HasReservedMemory => Is(2, 6);

    public bool HasReservedExecutable => Is(2, 8);

    // 2.9.1 put its own version first, and its signer refuses any other.
    public bool HasSdkVersion => Number >= new Version(2, 9, 1);

    public bool HasElrange => Is(2, 14);

    // 2.16 exists with it and without: the binaries have it, the tagged source has not.
    public bool HasTcsNumber { get; init; } = Number >= new Version(2, 16);

    public bool HasPkru => Is(2, 16);

    // 2.18 manages memory with sgx-emm: metadata 3.x, one or two versions for what the configuration wants, AMX, user region.
    public bool HasMemoryManager => Is(2, 18);

    public bool HasAexNotify => Is(2, 20);

    public bool HasDesiredMiscselect => Is(2, 22);

    // Four directories in the fixed part of the metadata, not two.
    public bool HasExtendTable => Is(2, 24);

    public bool HasFips => Is(2, 25);

    // 2.6 to 2.9.1 let reserved memory grow to the end of the enclave.
    public bool StretchesReservedMemory => HasReservedMemory && !Is(2, 10);

    // Until 2.24 it was the enclave's size when there was no ELRANGE.
    public bool HasElrangeSizeAlways => HasElrange && !HasFips;

    public ulong StackMinimum => Is(2, 4) ? 0x2000u : 0x1000u;

    public int LayoutEntries => Is(2, 19) ? 43 : HasReservedMemory ? 42 : 38;

    public (uint Major, uint Minor) Metadata => this switch
    {
        _ when Is(2, 26) => (3, 3),
        _ when Is(2, 24) => (3, 2),
        _ when Is(2, 22) => (3, 1),
        _ when Is(2, 18) => (3, 0),
        _ when Is(2, 4) => (2, 4),
        _ => (2, 3),
    };

    public (uint Major, uint Minor) CompatibleMetadata => (1, HasExtendTable ? 5u : 4u);

    public int MetadataHeader => HasExtendTable ? 1904 : 1888;

    // SGX_XFRM_RESERVED: the rest of XFRM, which the signer always enforces.
    public ulong ReservedXfrm => ~(Legacy | Avx | (Is(2, 5) ? Avx512 : 0) | (HasPkru ? Pkru : 0) | (HasMemoryManager ? Amx : 0));

    public int ThreadDataWords => HasAexNotify ? 24 : 20;

    // sizeof(global_data_t) on x86-64.
    public int GlobalDataSize
        => (8 * (4 + (HasReservedMemory ? 2 : 0) + (HasReservedExecutable ? 2 : 0) + (HasSdkVersion ? 1 : 0) + (HasTcsNumber ? 1 : 0)))
            + (8 * ThreadDataWords) + 72 + 8 + (LayoutEntries * SgxMetadata.LayoutEntrySize)
            + (HasElrange ? 24 : 0) + (HasAexNotify ? 8 : 0) + (HasFips ? 8 : 0);

    public static bool TryParse(string text, out SdkRelease release)
    {
        bool isNumber = Version.TryParse(text, out Version? number);
        release = new(number ?? Oldest);
        return isNumber;
    }

    /// <summary>What the enclave was built with, by its g_global_data and by the name its runtime carries.</summary>
    public static SdkRelease Find(ByteSource source, long globalData, ulong size, SdkRelease? told)
    {
        // se_version.h, MAKE_VERSION_UINT.
        ulong first = source.Read<ulong>(globalData);
        var written = Released((int)(first >> 32 & 0xffff), (int)(first >> 16 & 0xffff), (int)(first & 0xffff));
        SdkRelease release = told ?? (written.Number.Major == 2 && written.HasSdkVersion ? written : Named(source) ?? Sized(size))
            ?? throw new ImageException("the file does not say which release of the SDK it was built with; tell it, --sdk 2.4");
        if (release.Number < Oldest)
        {
            throw new ImageException(
                $"the file is of SDK {release.Number}, and layouts are made as SDK {Oldest} to {Newest.Major}.{Newest.Minor} have them: sign it once with that SDK's sgx_sign and any key, then it can be signed anew");
        }

        SdkRelease former = release with { HasTcsNumber = false };
        release = release.Number.Minor == 16 && size == (ulong)former.GlobalDataSize ? former : release;
        return size == (ulong)release.GlobalDataSize
            ? release
            : throw new ImageException(
                $"g_global_data has {size} bytes, and that of SDK {release.Number} has {release.GlobalDataSize}: {(told is null ? "a release that is not known" : "not that release")}", globalData);
    }

    // Revision 100 is the release itself, 101 its first correction; 2.0 and 2.1 had other numbers there.
    private static SdkRelease Released(int major, int minor, int revision)
        => new(revision is > 100 and < 200 ? new Version(major, minor, revision - 100) : new Version(major, minor));

    private bool Is(int major, int minor) => Number >= new Version(major, minor);

    // 2.6 and 2.7 have the same rules, 2.8 and 2.9 too, and no other release has their size.
    private static SdkRelease? Sized(ulong size)
        => new[] { new SdkRelease(new Version(2, 6)),
            new SdkRelease(new Version(2, 8)) }.FirstOrDefault(release => size == (ulong)release.GlobalDataSize);

    // The trusted runtime carries its release as text: SGX_TRTS_VERSION_2.8.100.3.
    private static SdkRelease? Named(ByteSource source)
    {
        const int piece = 1 << 16, more = 64;
        byte[] buffer = new byte[piece + more];
        for (long at = 0; at < source.Length; at += piece)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, source.Length - at));
            source.Read(at, part);
            int found = part.IndexOf(Mark);
            if (found < 0 || found >= piece)
            {
                continue;
            }

            ReadOnlySpan<byte> text = part[(found + Mark.Length)..];
            int end = text.IndexOfAnyExcept(NumberBytes);
            string number = Encoding.ASCII.GetString(text[..(end < 0 ? text.Length : end)]);
            if (Version.TryParse(number, out Version? version))
            {
                return Released(version.Major, version.Minor, version.Build);
            }
        }

        return null;
    }
}
