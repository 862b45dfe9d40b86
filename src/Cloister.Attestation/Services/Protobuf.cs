using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Cloister.Attestation.Services;

/// <summary>
/// The part of Protocol Buffers that messages here need: numbers, bytes, and what has eight bytes. protobuf.dev, "Encoding".
/// </summary>
internal static class Protobuf
{
    private const int NumberType = 0, Fixed64Type = 1, BytesType = 2, Fixed32Type = 5;

    /// <summary>Takes a message apart; false when it is none.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> message, [NotNullWhen(true)] out List<ProtobufField>? fields)
    {
        fields = [];
        for (int at = 0; at < message.Length;)
        {
            if (!TryNumber(message.Span, ref at, out ulong tag) || tag >> 3 is 0 or > int.MaxValue)
            {
                return false;
            }

            ulong value = 0, length = 0;
            switch ((int)tag & 7)
            {
                case NumberType when TryNumber(message.Span, ref at, out value):
                    break;
                case Fixed64Type:
                    length = 8;
                    break;
                case BytesType when TryNumber(message.Span, ref at, out length):
                    break;
                case Fixed32Type:
                    length = 4;
                    break;
                default:
                    return false;
            }

            if (length > (ulong)(message.Length - at))
            {
                return false;
            }

            fields.Add(new ProtobufField((int)(tag >> 3), value, ((int)tag & 7) == BytesType ? message.Slice(at, (int)length)
                : (ReadOnlyMemory<byte>?)null));
            at += (int)length;
        }

        return true;
    }

    /// <summary>A field that is a number.</summary>
    public static byte[] Number(int field, ulong value) => [.. Varint((ulong)field << 3), .. Varint(value)];

    /// <summary>A field that is bytes.</summary>
    public static byte[] Bytes(int field, ReadOnlySpan<byte> value) =>
        [.. Varint(((ulong)field << 3) | BytesType), .. Varint((ulong)value.Length), .. value];

    /// <summary>A field of eight bytes, which is a number or a double's bits.</summary>
    public static byte[] Fixed64(int field, ulong value) => [.. Varint(((ulong)field << 3) | Fixed64Type), .. Eight(value)];

    /// <summary>Fields of eight bytes, one behind the other.</summary>
    public static byte[] Packed(int field, IEnumerable<ulong> values) => Bytes(field, [.. values.SelectMany(Eight)]);

    private static byte[] Eight(ulong value)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    private static List<byte> Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value > 0x7f; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        return bytes;
    }

    private static bool TryNumber(ReadOnlySpan<byte> bytes, ref int at, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 70 && at < bytes.Length; shift += 7)
        {
            byte part = bytes[at++];
            value |= shift < 64 ? (ulong)(part & 0x7f) << shift : 0;
            if ((part & 0x80) == 0)
            {
                return true;
            }
        }

        return false;
    }
}
