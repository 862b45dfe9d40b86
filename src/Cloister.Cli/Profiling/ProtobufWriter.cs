namespace Cloister.Cli.Profiling;

/// <summary>A message of Protocol Buffers that grows field by field. protobuf.dev, "Encoding".</summary>
internal sealed class ProtobufWriter
{
    private const int BytesType = 2;
    private readonly List<byte> _bytes = [];

    /// <summary>What was written.</summary>
    public byte[] Written => [.. _bytes];

    /// <summary>A field that is a number.</summary>
    public ProtobufWriter Number(int field, ulong value)
    {
        Varint((ulong)field << 3);
        Varint(value);
        return this;
    }

    /// <summary>A field that is bytes or text.</summary>
    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint(((ulong)field << 3) | BytesType);
        Varint((ulong)value.Length);
        _bytes.AddRange(value);
        return this;
    }

    /// <summary>A field that is a message.</summary>
    public ProtobufWriter Message(int field, ProtobufWriter message) => Bytes(field, message.Written);

    private void Varint(ulong value)
    {
        for (; value > 0x7f; value >>= 7)
        {
            _bytes.Add((byte)(value | 0x80));
        }

        _bytes.Add((byte)value);
    }
}
