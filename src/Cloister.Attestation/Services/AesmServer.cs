using System.Buffers.Binary;
using System.Net.Sockets;

namespace Cloister.Attestation.Services;

/// <summary>
/// AESM at a UNIX socket: a length of four bytes, a message, one request for each connection. linux-sgx,
/// psw/ae/aesm_service/source/core/ipc.
/// </summary>
public static class AesmServer
{
    /// <summary>Begins to serve.</summary>
    /// <param name="path">The socket's path; with a zero in front its abstract name.</param>
    /// <param name="service">What answers.</param>
    /// <exception cref="SocketException">There is something at the path, or it may not be made.</exception>
    public static ConnectionServer Begin(string path, AesmService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        return ConnectionServer.Begin(path, (stream, cancellation) => Serve(service, stream, cancellation));
    }

    /// <summary>Begins to serve.</summary>
    /// <param name="listener">A socket that listens; it is the server's from now on.</param>
    /// <param name="service">What answers.</param>
    public static ConnectionServer Begin(Socket listener, AesmService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        return ConnectionServer.Begin(listener, (stream, cancellation) => Serve(service, stream, cancellation));
    }

    internal static async Task Serve(AesmService service, Stream stream, CancellationToken cancellation)
    {
        byte[] length = new byte[4];
        await stream.ReadExactlyAsync(length, cancellation).ConfigureAwait(false);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(length);
        if (count > AesmService.LongestRequest)
        {
            return;
        }

        byte[] request = new byte[count];
        await stream.ReadExactlyAsync(request, cancellation).ConfigureAwait(false);
        if (service.Answer(request) is { } answer)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, answer.Length);
            await stream.WriteAsync((byte[])[.. length, .. answer], cancellation).ConfigureAwait(false);
        }
    }
}
