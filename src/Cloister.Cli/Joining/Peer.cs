using System.Net.Sockets;

namespace Cloister.Cli.Joining;

/// <summary>Who is at the other end of a socket, as the kernel knows: SO_PEERCRED, unix(7).</summary>
/// <param name="Process">The process that connected, or listens; 0 where this process namespace has it not.</param>
/// <param name="User">Its effective user.</param>
internal readonly record struct Peer(int Process, uint User)
{
    /// <summary>Asks.</summary>
    public static Peer Of(Socket socket)
    {
        const int socketLevel = 1, peerCredentials = 17;
        Span<byte> credentials = stackalloc byte[12];
        _ = socket.GetRawSocketOption(socketLevel, peerCredentials, credentials);
        return new Peer(BitConverter.ToInt32(credentials), BitConverter.ToUInt32(credentials[4..]));
    }
}
