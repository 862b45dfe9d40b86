using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images.Tests;

/// <summary>Writes metadata_t of the Intel SDK.</summary>
internal sealed class MetadataBuilder(uint major, uint minor, ulong enclaveSize)
{
    private const int Fixed = 1872 + 32;

    private readonly List<byte> data = [];
    private readonly List<byte> layout = [];
    private readonly List<byte> patches = [];
    private byte[] elrange = [];
    private byte[] extend = [];

    public Sigstruct Sigstruct { get; set; }

    /// <summary>Bytes that entries refer to; their offset in the metadata.</summary>
    public uint Data(byte[] bytes)
    {
        uint at = (uint)(Fixed + data.Count);
        data.AddRange(bytes);
        return at;
    }

    public MetadataBuilder Entry(ushort id, ushort attributes, uint pages, ulong offset, ulong flags, uint contentSize = 0,
        uint contentOffset = 0)
    {
        byte[] entry = new byte[32];
        BinaryPrimitives.WriteUInt16LittleEndian(entry, id);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(2), attributes);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), pages);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(8), offset);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(16), contentSize);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(20), contentOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(24), flags);
        layout.AddRange(entry);
        return this;
    }

    public MetadataBuilder Group(ushort entries, uint times, ulong step) => Entry((1 << 12) | 9, entries, times, step, 0);

    public MetadataBuilder Patch(ulong destination, byte[] bytes)
    {
        byte[] entry = new byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(entry, destination);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(8), Data(bytes));
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(12), (uint)bytes.Length);
        patches.AddRange(entry);
        return this;
    }

    public MetadataBuilder Elrange(ulong image, ulong start, ulong size)
    {
        elrange = new byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(elrange, image);
        BinaryPrimitives.WriteUInt64LittleEndian(elrange.AsSpan(8), start);
        BinaryPrimitives.WriteUInt64LittleEndian(elrange.AsSpan(16), size);
        return this;
    }

    /// <summary>extend_entry_shared_object_t: a shared object in the file, and where in the enclave it goes.</summary>
    public MetadataBuilder SharedObject(ulong fileOffset, ulong memoryOffset, ulong size)
    {
        byte[] content = new byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(content, fileOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(8), memoryOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(16), size);
        extend = [.. BitConverter.GetBytes(0x1002), .. BitConverter.GetBytes(content.Length), .. BitConverter.GetBytes(Data(content)),
            .. new byte[4]];
        return this;
    }

    public byte[] Build()
    {
        byte[] head = new byte[Fixed];
        BinaryPrimitives.WriteUInt64LittleEndian(head, 0x86A80294635D0E4C);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(8), ((ulong)major << 32) | minor);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(20), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(24), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(40), enclaveSize);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(48), 4);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(56), 3);
        Sigstruct sigstruct = Sigstruct;
        SigstructText.Bytes(in sigstruct).CopyTo(head.AsSpan(64));
        var all = new List<byte>(head);
        all.AddRange(data);
        foreach ((int index, List<byte> table) in new[] { (0, patches), (1, layout), (2, [.. elrange]), (3, [.. extend]) })
        {
            if (table.Count > 0)
            {
                Span<byte> directory = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(all).Slice(1872 + (index * 8), 8);
                BinaryPrimitives.WriteUInt32LittleEndian(directory, (uint)all.Count);
                BinaryPrimitives.WriteUInt32LittleEndian(directory[4..], (uint)table.Count);
                all.AddRange(table);
            }
        }

        BinaryPrimitives.WriteUInt32LittleEndian(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(all)[16..], (uint)all.Count);
        return [.. all];
    }
}
