using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Images.Tests;

/// <summary>MRENCLAVE written down a second time, straight from the SDM: a list of records, hashed at the end.</summary>
internal sealed class Oracle
{
    private readonly List<byte> records = [];

    public Oracle(ulong size, uint ssaFrameSize)
    {
        byte[] record = Record("ECREATE");
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), ssaFrameSize);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(12), size);
        records.AddRange(record);
    }

    public string Mrenclave => Convert.ToHexStringLower(SHA256.HashData(Stream));

    /// <summary>The records themselves, which are an SGX stream.</summary>
    public byte[] Stream => [.. records];

    public Oracle Page(ulong offset, ulong flags, byte[] content)
    {
        Add(offset, flags);
        for (int i = 0; i < 16; i++)
        {
            Extend(offset + (ulong)(i * 256), content.AsSpan(i * 256, 256));
        }

        return this;
    }

    public Oracle Add(ulong offset, ulong flags)
    {
        byte[] record = Record("EADD");
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), offset);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(16), flags);
        records.AddRange(record);
        return this;
    }

    public Oracle Extend(ulong offset, ReadOnlySpan<byte> chunk, string tag = "EEXTEND")
    {
        byte[] record = Record(tag);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), offset);
        records.AddRange(record);
        records.AddRange(chunk);
        return this;
    }

    private static byte[] Record(string tag)
    {
        byte[] record = new byte[64];
        Encoding.ASCII.GetBytes(tag, record);
        return record;
    }
}
