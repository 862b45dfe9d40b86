using System.Net;
using System.Net.Sockets;

namespace Cloister.Cli.Running;

/// <summary>Where a gdb comes: a port, of this machine where no other is said, or a UNIX socket.</summary>
/// <param name="Text">As gdb's <c>target remote</c> takes it.</param>
/// <param name="Address">The address; null for a UNIX socket.</param>
internal sealed record GdbPlace(string Text, IPEndPoint? Address)
{
    /// <summary>Reads one.</summary>
    /// <returns>Null where it is none.</returns>
    public static GdbPlace? Parse(string text)
    {
        if (text.Contains('/', StringComparison.Ordinal))
        {
            return new GdbPlace(text, null);
        }

        // `:PORT` is how gdbserver has it.
        return ListenAddress.Parse(text is [':', ..] ? text[1..] : text) is { Port: not 0 } address
            ? new GdbPlace($"{address}", address) : null;
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="problem">Why it cannot.</param>
    public Socket? TryListen(out string? problem)
    {
        problem = null;
        Socket socket = Address is null ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(Address is null ? new UnixDomainSocketEndPoint(Text) : Address);
            if (Address is null)
            {
                File.SetUnixFileMode(Text, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Listen(1);
            return socket;
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            socket.Dispose();
            problem = $"{Text}: {(e is not SocketException error ? e.Message : Address is null ? SocketProblem.Of(Text, error) : ListenAddress.ProblemOf(error))}";
            return null;
        }
    }
}
