using System.Net.Sockets;
using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>
/// A UNIX socket at a path. A process that was killed leaves its own, and nobody can have one there until it is taken away.
/// </summary>
internal static class SocketAtPath
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Listens, at a path in place of one that was left there.</summary>
    /// <param name="path">The path; with a zero in front an abstract name, which no process leaves.</param>
    /// <param name="backlog">How many may wait to be taken.</param>
    /// <exception cref="SocketException">Somebody listens there, something else is there, or it may not be made.</exception>
    public static Socket Listen(string path, int backlog)
    {
        // Of those who find one that was left, one has its own in its place before the next looks.
        using FolderLock? hold = path is [not '\0', ..]
            ? FolderLock.TryTake(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/", s_patience, out _) : null;
        if (hold is not null && IsLeft(path))
        {
            _ = HostFile.Unlink(path);
        }

        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(backlog);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is one at which nobody listens. Who listens sees somebody who comes and goes.</summary>
    /// <param name="path">The path.</param>
    public static bool IsLeft(string path)
    {
        if (FileStatus.TryGet(path, out FileStatus status) != Errno.None || !status.IsSocket)
        {
            return false;
        }

        // One whose queue is full would let a connect(2) wait until somebody is taken from it.
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return false;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionRefused;
        }
        catch (ArgumentException)
        {
            return false; // longer than a socket's path may be
        }
    }
}
