using System.Buffers.Binary;

namespace Cloister.Cli.Grpc;

/// <summary>
/// A message among others on a stream: a byte that says whether it is compressed, its length in four, and the message. gRPC,
/// doc/PROTOCOL-HTTP2.md.
/// </summary>
internal static class GrpcFrame
{
    /// <summary>Bytes that a message has at most; other implementations' own limit.</summary>
    public const int LongestMessage = 4 << 20;

    private const int HeadLength = 5;

    /// <summary>The content type of calls.</summary>
    public const string ContentType = "application/grpc";

    /// <summary>A message with its head.</summary>
    public static byte[] Of(ReadOnlySpan<byte> message)
    {
        byte[] frame = new byte[HeadLength + message.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Length);
        message.CopyTo(frame.AsSpan(HeadLength));
        return frame;
    }

    /// <summary>Reads the next message; null at the end.</summary>
    /// <exception cref="GrpcException">What is there is no message, or one that is compressed or too long.</exception>
    public static async Task<byte[]?> Read(Stream stream, CancellationToken cancellation)
    {
        byte[] head = new byte[HeadLength];
        int length = await stream.ReadAtLeastAsync(head, HeadLength, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (length == 0)
        {
            return null;
        }

        uint bytes = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(1));
        if (length < HeadLength || head[0] > 1)
        {
            throw new GrpcException(GrpcCode.Internal, "what came is no message of gRPC");
        }

        if (head[0] == 1)
        {
            throw new GrpcException(GrpcCode.Unimplemented, "compressed messages are not understood");
        }

        if (bytes > LongestMessage)
        {
            throw new GrpcException(GrpcCode.ResourceExhausted, $"a message of {bytes} bytes is too long; the most is {LongestMessage}");
        }

        // As it comes: the length is what somebody says.
        using var message = new MemoryStream();
        byte[] part = new byte[Math.Min(bytes, 64 << 10)];
        while (message.Length < bytes)
        {
            int read = await stream.ReadAsync(part.AsMemory(0, (int)Math.Min(part.Length, bytes - message.Length)), cancellation)
                .ConfigureAwait(false);
            message.Write(part, 0, read > 0 ? read : throw new GrpcException(GrpcCode.Internal, "a message ends too early"));
        }

        return message.ToArray();
    }
}
