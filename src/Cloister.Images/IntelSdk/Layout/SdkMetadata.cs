using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Writes metadata_t for an enclave that has none, unsigned. manage_metadata.cpp, build_metadata.</summary>
internal sealed class SdkMetadata
{
    public const int TcsTemplateSize = 72;

    // A directory, and elrange_config_entry_t.
    private const int DirectorySize = 8;
    private const int ElrangeSize = 24;
    private const ulong TcsAexNotify = 2;

    // 2.3 to 2.17 had it fixed, for one frame of one page.
    private const uint FormerSaveBuffer = 2632;

    private readonly SdkEnclaveParts parts;
    private readonly SdkParameters parameters;
    private readonly List<byte> data = [];
    private readonly SdkLayoutTable layout;
    private readonly int tcsTemplate;
    private readonly int tableOffset;
    private readonly byte[] head;

    public SdkMetadata(SdkEnclaveParts parts, SdkParameters parameters)
    {
        this.parts = parts;
        this.parameters = parameters;
        head = new byte[parts.Release.MetadataHeader];
        AddElrange();
        tcsTemplate = Reserve(TcsTemplateSize);
        layout = new SdkLayoutTable(parts, parameters, SsaFrameSize, (uint)tcsTemplate);
        RequireElrange();
        WriteTcs(Data(tcsTemplate, TcsTemplateSize));
        int globalData = AddPatches();
        tableOffset = head.Length + data.Count;
        WriteHead();
        SdkGlobalData.Write(Data(globalData, parts.Release.GlobalDataSize), parts, parameters, layout, SsaFrameSize,
            Data(tcsTemplate, TcsTemplateSize));
    }

    private uint SsaFrameSize
        => parts.Release.HasMemoryManager
        ? (uint)((parameters.XsaveSize + SdkGlobalData.SsaGprSize + SdkLayoutTable.PageSize - 1) / SdkLayoutTable.PageSize) : 1;

    /// <summary>The versions that this configuration needs, behind each other. sign_tool.cpp, generate_compatible_metadata.</summary>
    public byte[] Versions()
    {
        SdkRelease release = parts.Release;
        bool hasElrange = parameters.Elrange is not null;
        var all = new List<byte>();
        (uint major, uint minor) = release.Metadata;
        if (parameters.WantSgx2)
        {
            all.AddRange(Version(hasElrange ? major + 10 : major, minor, layout.Entries));

            // For the loader of SDK 2.0, until 2.18 gave it up.
            if (!release.HasMemoryManager && !hasElrange)
            {
                all.AddRange(Version(2, 1, layout.Entries));
            }
        }

        if (parameters.WantSgx1)
        {
            (major, minor) = release.CompatibleMetadata;
            all.AddRange(Version(hasElrange ? major + 10 : major, minor, SdkCompatibleLayout.Of(layout.Entries, parameters.Threads)));
        }

        return [.. all];
    }

    private byte[] Version(uint major, uint minor, IReadOnlyList<LayoutEntry> entries)
    {
        byte[] bytes = new byte[tableOffset + (entries.Count * SgxMetadata.LayoutEntrySize)];
        head.CopyTo(bytes, 0);
        CollectionsMarshal.AsSpan(data).CopyTo(bytes.AsSpan(head.Length));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), ((ulong)major << 32) | minor);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), (uint)bytes.Length);
        WriteDirectory(bytes, SgxMetadata.LayoutDirectory, tableOffset, bytes.Length - tableOffset);
        for (int i = 0; i < entries.Count; i++)
        {
            entries[i].Write(bytes.AsSpan(tableOffset + (i * SgxMetadata.LayoutEntrySize)));
        }

        return bytes;
    }

    private void WriteHead()
    {
        SdkRelease release = parts.Release;
        BinaryPrimitives.WriteUInt64LittleEndian(head, SgxMetadata.Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(20), parameters.Policy);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(24), SsaFrameSize);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(28), release.HasMemoryManager ? parameters.XsaveSize : FormerSaveBuffer);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(32), release.HasDesiredMiscselect ? (uint)parameters.Miscselect : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(36), parameters.MinimumPool);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(40), layout.EnclaveSize);
        var attributes = new Attributes(parameters.Flags, parameters.MetadataXfrm);
        MemoryMarshal.Write(head.AsSpan(48), in attributes);
    }

    // Until 2.23 its directory was the first of the data.
    private void AddElrange()
    {
        if (parameters.Elrange is not { } range)
        {
            return;
        }

        int directory = parts.Release.HasExtendTable ? -1 : Reserve(DirectorySize);
        int at = Reserve(ElrangeSize);
        Span<byte> entry = Data(at, ElrangeSize);
        BinaryPrimitives.WriteUInt64LittleEndian(entry, range.ImageAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], range.RangeAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], range.RangeSize);
        if (directory < 0)
        {
            WriteDirectory(head, SgxMetadata.ElrangeDirectory, at, ElrangeSize);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(Data(directory, DirectorySize), (uint)at);
            BinaryPrimitives.WriteUInt32LittleEndian(Data(directory, DirectorySize)[4..], ElrangeSize);
        }
    }

    private void RequireElrange()
    {
        if (parameters.Elrange is { } range && range.RangeSize - (range.ImageAddress - range.RangeAddress) is var room
            && (range.ImageAddress - range.RangeAddress >= range.RangeSize || room < layout.EnclaveSize))
        {
            throw new ImageException($"the enclave of 0x{layout.EnclaveSize:x} bytes does not fit the ELRANGE of the configuration");
        }
    }

    // manage_metadata.cpp, build_tcs_template. All offsets but the entry are relative to the TCS, and the loader adds where it is.
    private void WriteTcs(Span<byte> tcs)
    {
        LayoutEntry at = layout.First(LayoutEntry.Tcs);
        LayoutEntry td = layout.First(LayoutEntry.Td);
        ulong shift = parameters.Elrange is { } range ? range.ImageAddress - range.RangeAddress : 0;
        ulong segment = td.Offset - at.Offset + ((td.PageCount - 1) * SdkLayoutTable.PageSize) + shift;
        BinaryPrimitives.WriteUInt64LittleEndian(tcs[8..], parameters.HasAexNotify ? TcsAexNotify : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs[16..], layout.First(LayoutEntry.Ssa).Offset - at.Offset + shift);
        BinaryPrimitives.WriteUInt32LittleEndian(tcs[28..], SdkLayoutTable.SsaFrames);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs[32..], parts.Entry + shift);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs[48..], segment);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs[56..], segment);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs[64..], ulong.MaxValue);
    }

    // manage_metadata.cpp, build_patch_table: g_global_data, and zeros over what strip changes of the header: e_shnum, e_shoff, e_shstrndx.
    private int AddPatches()
    {
        int globalData = Reserve(parts.Release.GlobalDataSize);
        int zero = Reserve(8);
        (long To, int From, int Size)[] patches = [(parts.GlobalData, globalData, parts.Release.GlobalDataSize), (0x3c, zero, 2),
            (0x28, zero, 8), (0x3e, zero, 2)];
        int table = Reserve(patches.Length * SgxMetadata.PatchEntrySize);
        for (int i = 0; i < patches.Length; i++)
        {
            Span<byte> entry = Data(table + (i * SgxMetadata.PatchEntrySize), SgxMetadata.PatchEntrySize);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, (ulong)patches[i].To);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], (uint)patches[i].From);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)patches[i].Size);
        }

        WriteDirectory(head, SgxMetadata.PatchDirectory, table, patches.Length * SgxMetadata.PatchEntrySize);
        return globalData;
    }

    private static void WriteDirectory(byte[] bytes, int directory, int offset, int size)
    {
        Span<byte> entry = bytes.AsSpan(SgxMetadata.DirectoriesOffset + (directory * DirectorySize), DirectorySize);
        BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)offset);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], (uint)size);
    }

    // Zeros; the place is counted from the start of the metadata.
    private int Reserve(int size)
    {
        int at = head.Length + data.Count;
        CollectionsMarshal.SetCount(data, data.Count + size);
        Data(at, size).Clear();
        return at;
    }

    private Span<byte> Data(int at, int size) => CollectionsMarshal.AsSpan(data).Slice(at - head.Length, size);
}
