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

    /// <summary>A field that is a message.</summary>
    public ProtobufWriter Message(int field, ProtobufWriter message) => Bytes(field, message.Written);

    private ProtobufWriter Add(byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }
}
