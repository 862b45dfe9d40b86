using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// metadata_t of the Intel SDK: what the signer tells the loader. intel/linux-sgx, common/inc/internal/metadata.h.
/// The fixed part is the same in all versions; how many directories follow it is not.
/// </summary>
internal sealed class SgxMetadata
{
    public const ulong Magic = 0x86a80294635d0e4c;
    public const int SigstructOffset = 64;
    public const int LayoutEntrySize = 32;
    public const int PatchEntrySize = 32;
    public const int DirectoriesOffset = SigstructOffset + Architecture.Sigstruct.SizeInBytes;
    public const int PatchDirectory = 0;
    public const int LayoutDirectory = 1;
    public const int ElrangeDirectory = 2;

    private const int ExtendDirectory = 3;

    // Version majors above ten carry an ELRANGE; the rest of the major is the version proper. metadata.h, SGX_MAJOR_VERSION_GAP.
    private const uint ElrangeGap = 10;

    private readonly byte[] bytes;

    public SgxMetadata(byte[] bytes, long fileOffset)
    {
        this.bytes = bytes;
        FileOffset = fileOffset;
        if (bytes.Length < DirectoriesOffset + 16)
        {
            throw new ImageException($"the metadata has {bytes.Length} bytes, at least {DirectoriesOffset + 16} expected", fileOffset);
        }

        // Signers lay the table out and sign in one go; what is laid out and not signed has zeros there.
        bool isSigned = bytes.AsSpan(SigstructOffset, Architecture.Sigstruct.SizeInBytes).ContainsAnyExcept((byte)0);
        Sigstruct = isSigned ? MemoryMarshal.Read<Sigstruct>(bytes.AsSpan(SigstructOffset)) : null;
    }

    public long FileOffset { get; }

    public ReadOnlySpan<byte> Bytes => bytes;

    public ulong Version => UInt64(8);

    public uint Major => (uint)(Version >> 32);

    public uint Minor => (uint)Version;

    public uint BaseMajor => Major % ElrangeGap;

    public bool HasElrange => Major > ElrangeGap;

    public uint TcsPolicy => UInt32(20);

    public uint SsaFrameSize => UInt32(24);

    public uint MaximumSaveBufferSize => UInt32(28);

    public Miscselect DesiredMiscselect => (Miscselect)UInt32(32);

    public uint TcsMinimumPool => UInt32(36);

    public ulong EnclaveSize => UInt64(40);

    public Attributes Attributes => MemoryMarshal.Read<Attributes>(bytes.AsSpan(48));

    public Sigstruct? Sigstruct { get; }

    public string Name => $"metadata {Major}.{Minor}";

    // loader.cpp, is_extend_entry_supported.
    public bool HasExtendDirectory => BaseMajor switch
    {
        1 => Minor >= 5,
        2 => false,
        3 => Minor >= 2,
        _ => true,
    };

    public ReadOnlyMemory<byte> Layout => Directory(LayoutDirectory, LayoutEntrySize, "layout");

    public ReadOnlyMemory<byte> PatchTable => Directory(PatchDirectory, PatchEntrySize, "patch");

    // elrange_config_entry_t: image address, range address, range size.
    public (ulong ImageAddress, ulong RangeAddress, ulong RangeSize)? Elrange
    {
        get
        {
            if (!HasElrange)
            {
                return null;
            }

            ReadOnlySpan<byte> entry = Directory(ElrangeDirectory, 24, "ELRANGE").Span;
            if (entry.Length != 24)
            {
                throw new ImageException($"the ELRANGE of {Name} has {entry.Length} bytes, 24 expected", FileOffset);
            }

            return (BinaryPrimitives.ReadUInt64LittleEndian(entry), BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]));
        }
    }

    public IReadOnlyList<(long Offset, ReadOnlyMemory<byte> Bytes)> Patches()
    {
        ReadOnlyMemory<byte> table = PatchTable;
        var patches = new List<(long, ReadOnlyMemory<byte>)>();
        for (int at = 0; at + PatchEntrySize <= table.Length; at += PatchEntrySize)
        {
            ReadOnlySpan<byte> entry = table.Span[at..];
            ulong to = BinaryPrimitives.ReadUInt64LittleEndian(entry);
            uint from = BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]);
            if (to > (ulong)(long.MaxValue - size))
            {
                throw new ImageException($"a patch of {Name} goes to 0x{to:x}, which no file has", FileOffset);
            }

            patches.Add(((long)to, Buffer(from, size, "a patch")));
        }

        return patches;
    }

    // extend_entry_t: entry_id, size, offset. 0x1002 is a shared object behind the enclave's own.
    public ReadOnlyMemory<byte>? FindExtend(uint id)
    {
        if (!HasExtendDirectory)
        {
            return null;
        }

        ReadOnlyMemory<byte> table = Directory(ExtendDirectory, 16, "extend");
        for (int at = 0; at + 16 <= table.Length; at += 16)
        {
            ReadOnlySpan<byte> entry = table.Span[at..];
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
            uint offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) == id && size != 0 && offset != 0)
            {
                return Buffer(offset, size, "an extend entry");
            }
        }

        return null;
    }

    public ReadOnlyMemory<byte> Buffer(uint offset, uint size, string what)
        => offset <= bytes.Length && size <= bytes.Length - offset
            ? bytes.AsMemory((int)offset, (int)size)
            : throw new ImageException($"{what} of {Name} refers to 0x{size:x} bytes at 0x{offset:x} of 0x{bytes.Length:x}", FileOffset);

    private ReadOnlyMemory<byte> Directory(int index, int entrySize, string what)
    {
        int at = DirectoriesOffset + (index * 8);
        if (at + 8 > bytes.Length)
        {
            return default;
        }

        ReadOnlyMemory<byte> table = Buffer(UInt32(at), UInt32(at + 4), $"the {what} table");
        return table.Length % entrySize == 0 && table.Length / entrySize <= MaximumEntries
            ? table
            : throw new ImageException(
                $"the {what} table of {Name} has {table.Length} bytes, no multiple of {entrySize} or too many", FileOffset);
    }

    // The largest metadata the SDK writes is 24 KiB (metadata.h, METADATA_SIZE): no table of it has as many entries.
    private const int MaximumEntries = 4096;

    private uint UInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private ulong UInt64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}
