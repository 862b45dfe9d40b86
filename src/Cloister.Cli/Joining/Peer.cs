using System.Globalization;
using System.Net.Sockets;
using Cloister.Linux;

namespace Cloister.Cli.Joining;

/// <summary>Who is at the other end of a socket, as the kernel knows: SO_PEERCRED, unix(7).</summary>
/// <param name="Process">The process that connected, or listens; 0 where this process namespace has it not.</param>
/// <param name="User">Its effective user.</param>
internal readonly record struct Peer(int Process, uint User)
{
    /// <summary>Whether it may trace this process without more rights than its user has: ptrace(2), "Ptrace access mode checking";
    /// capabilities by Linux, security/commoncap.c, cap_ptrace_access_check.</summary>
    public bool MayTraceThis()
    {
        int process = Process, own = Environment.ProcessId;
        return Array.TrueForAll(["Uid:", "Gid:"],
            field => HostKernel.StatusField(process, field) is { } ids && ids == HostKernel.StatusField(own, field))
            && Capabilities(process) is { } theirs && Capabilities(own) is { } ours && (ours & ~theirs) == 0;
    }

    /// <summary>Asks.</summary>
    public static Peer Of(Socket socket)
    {
        const int socketLevel = 1, peerCredentials = 17;
        Span<byte> credentials = stackalloc byte[12];
        _ = socket.GetRawSocketOption(socketLevel, peerCredentials, credentials);
        return new Peer(BitConverter.ToInt32(credentials), BitConverter.ToUInt32(credentials[4..]));
    }

    private static ulong? Capabilities(int process) =>
        ulong.TryParse(HostKernel.StatusField(process, "CapPrm:"), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
            out ulong permitted) ? permitted : null;
}
