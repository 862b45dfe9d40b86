using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Cloister.Cli.Running;
using Cloister.Cli.Shared;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Joining;

/// <summary>A run that joins a machine: this process itself becomes the program, with its number, its parent, its files and its terminal.</summary>
internal static class MachineMember
{
    private const int LongestReason = 1024;
    private const int Milliseconds = 10_000;

    /// <summary>Joins, where there is a machine, or makes the door of one.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="options">Options of this run, as <c>--NAME=VALUE</c>.</param>
    /// <param name="program">The program.</param>
    /// <param name="door">Where others join this run; null where it could not join.</param>
    /// <returns>Why it cannot be, and the status that says so.</returns>
    public static (string Problem, int Status)? JoinOrOpen(MachineName name, IReadOnlyList<string> options, Func<ProgramInvocation> program, out MachineDoor? door)
    {
        const int pause = 10, attempts = 300;
        for (int attempt = 0; ; attempt++)
        {
            if ((door = Open(name, options, out SocketError error)) is not null)
            {
                return null;
            }

            if (error != SocketError.AddressAlreadyInUse)
            {
                var refused = new SocketException((int)error);
                return (name.IsPath ? SocketProblem.Of(name.Text, refused) : refused.Message.ReplaceLineEndings(" "), Failure.InputOutput);
            }

            if (Join(name, options, program) is { } problem)
            {
                return problem;
            }

            // It has just ended, or only begins.
            if (attempt == attempts)
            {
                return ("something is there that is no machine", Failure.Unavailable);
            }

            Thread.Sleep(pause);
        }
    }

    // Null where nobody was there.
    private static (string Problem, int Status)? Join(MachineName name, IReadOnlyList<string> options, Func<ProgramInvocation> program)
    {
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { SendTimeout = Milliseconds, ReceiveTimeout = Milliseconds };
        byte[] reason = new byte[LongestReason];
        int length;
        Peer owner;
        try
        {
            connection.Connect(name.Address);
            owner = Peer.Of(connection);
            if (owner.User != HostProbe.EffectiveUser)
            {
                return ("it is another user's", Failure.NotPermitted);
            }

            byte[] request = new JoinRequest(options, (int)connection.Handle, program()).ToBytes();
            byte[] head = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)request.Length);
            using var stream = new NetworkStream(connection, ownsSocket: false);
            stream.Write([.. head, .. request]);
            length = connection.Receive(reason);
        }
        catch (Exception e) when (e is SocketException { SocketErrorCode: SocketError.AccessDenied })
        {
            return ("it is another user's", Failure.NotPermitted);
        }
        catch (Exception e) when ((e as SocketException ?? e.InnerException as SocketException)?.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return ("it does not answer", Failure.Unavailable);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return null;
        }

        if (length == 0)
        {
            return null;
        }

        connection.ReceiveTimeout = 0;
        return reason[0] != 0 ? (PrintableText.Of(Encoding.UTF8.GetString(reason, 0, length)), Failure.Unavailable)
            : ($"this process cannot wait for it: {JoiningProgram.Become((int)connection.Handle, owner.Process)}", Failure.Unavailable);
    }

    // A socket at which nobody listens any more was left by a run that was killed. Of those who find it one takes it away and has its own in its
    // place before the next looks: the folder is locked.
    private static MachineDoor? Open(MachineName name, IReadOnlyList<string> options, out SocketError error)
    {
        if (!name.IsPath)
        {
            return MachineDoor.TryOpen(name, options, out error);
        }

        string path = Path.GetFullPath(name.Text);
        using var hold = FolderLock.TryTake(Path.GetDirectoryName(path)!, out Errno unlockable);
        if (unlockable is Errno.ENOENT or Errno.ENOTDIR)
        {
            error = SocketError.AddressNotAvailable;
            return null;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (hold is not null && FileStatus.TryGetOfLink(path, out _) == Errno.None)
            {
                probe.Connect(name.Address);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused && HostKernel.TryStat(path, out _, out _, out uint mode) && (mode & 0xf000) == 0xc000)
        {
            File.Delete(path);
        }
        catch (SocketException)
        {
            // Somebody is there, or may not be asked.
        }

        return MachineDoor.TryOpen(name, options, out error);
    }
}
