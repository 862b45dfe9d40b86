using System.Text;
using Cloister.Attestation.Services;

namespace Cloister.Cli.Profiling;

/// <summary>A message of Protocol Buffers that grows field by field.</summary>
internal sealed class ProtobufWriter
{
    private readonly List<byte> _bytes = [];

    /// <summary>What was written.</summary>
    public byte[] Written => [.. _bytes];

    /// <summary>A field that is a number.</summary>
    public ProtobufWriter Number(int field, ulong value) => Add(Protobuf.Number(field, value));

    /// <summary>A field that is bytes or text.</summary>
    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> value) => Add(Protobuf.Bytes(field, value));

    /// <summary>A field that is a number of eight bytes.</summary>
    public ProtobufWriter Fixed64(int field, ulong value) => Add(Protobuf.Fixed64(field, value));

    /// <summary>A field that is a double.</summary>
    public ProtobufWriter Double(int field, double value) => Add(Protobuf.Fixed64(field, BitConverter.DoubleToUInt64Bits(value)));

    /// <summary>A field that is numbers of eight bytes.</summary>
    public ProtobufWriter Packed(int field, IEnumerable<ulong> values) => Add(Protobuf.Packed(field, values));

    /// <summary>A field that is text.</summary>
    public ProtobufWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>A field that is a message.</summary>
    public ProtobufWriter Message(int field, ProtobufWriter message) => Bytes(field, message.Written);

    private ProtobufWriter Add(byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }
}
