using System.Buffers.Binary;
using System.Text;

namespace Cloister.Engine.Tests.Harness;

/// <summary>An ELF image as a dynamic linker reads it. Source: System V ABI, "Dynamic Linking", "Hash Table".</summary>
internal sealed class ElfImage
{
    private readonly byte[] _bytes;
    private readonly Dictionary<ulong, ulong> _dynamic = [];

    public ElfImage(byte[] bytes)
    {
        _bytes = bytes;
        Assert.Equal([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], bytes[..7]);
        Assert.Equal((3, 62), (U16(16), U16(18))); // ET_DYN, EM_X86_64
        Assert.Equal((56, 64), (U16(54), U16(52)));
        for (int i = 0; i < U16(56); i++)
        {
            int at = (int)U64(32) + i * 56;
            Segments.Add((U32(at), U32(at + 4), U64(at + 8), U64(at + 16), U64(at + 32), U64(at + 40)));
        }

        foreach ((uint type, uint _, ulong offset, ulong _, ulong size, ulong _) in Segments)
        {
            for (int at = (int)offset; type == 2 && at < (int)(offset + size) && U64(at) != 0; at += 16)
            {
                _dynamic[U64(at)] = U64(at + 8);
            }
        }
    }

    public List<(uint Type, uint Flags, ulong Offset, ulong Address, ulong FileSize, ulong MemorySize)> Segments { get; } = [];

    /// <summary>Value of a dynamic entry.</summary>
    public ulong Dynamic(ulong tag) => _dynamic[tag];

    public string String(ulong index)
    {
        int at = (int)(Dynamic(5) + index);
        return Encoding.ASCII.GetString(_bytes, at, _bytes.AsSpan(at).IndexOf((byte)0));
    }

    /// <summary>Address and type of a symbol found by DT_HASH; null when there is none.</summary>
    public (ulong Address, byte Info, ushort Section)? Lookup(string name)
    {
        int table = (int)Dynamic(4);
        uint buckets = U32(table), chains = U32(table + 4);
        uint index = U32(table + 8 + (int)(Hash(name) % buckets) * 4);
        for (int steps = 0; index != 0; index = U32(table + 8 + (int)(buckets + index) * 4))
        {
            Assert.InRange(index, 1u, chains - 1);
            Assert.True(steps++ < chains);
            int symbol = (int)(Dynamic(6) + index * Dynamic(11));
            if (String(U32(symbol)) == name)
            {
                return (U64(symbol + 8), _bytes[symbol + 4], U16(symbol + 6));
            }
        }

        return null;
    }

    private static uint Hash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash << 4) + c;
            uint high = hash & 0xf0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }

        return hash;
    }

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
}
