using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Cloister.Cli.Running;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Joining;

/// <summary>
/// A run that joins a machine: this process itself becomes the program, with its number, its parent, its files and its terminal.
/// </summary>
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
    public static (string Problem, int Status)? JoinOrOpen(MachineName name, IReadOnlyList<string> options, Func<ProgramInvocation> program,
        out MachineDoor? door)
    {
        const int pause = 10, attempts = 300;
        for (int attempt = 0; ; attempt++)
        {
            if ((door = MachineDoor.TryOpen(name, options, out SocketError error)) is not null)
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

    /// <summary>Joins a machine where one is that takes this process: then this does not return.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="options">Options of this run, as <c>--NAME=VALUE</c>.</param>
    /// <param name="program">The program.</param>
    public static void TryJoin(MachineName name, IReadOnlyList<string> options, Func<ProgramInvocation> program) =>
        _ = Join(name, options, program, asksFirst: true);

    // Null where nobody was there.
    private static (string Problem, int Status)? Join(MachineName name, IReadOnlyList<string> options, Func<ProgramInvocation> program,
        bool asksFirst = false)
    {
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            SendTimeout = Milliseconds,
            ReceiveTimeout = Milliseconds,
        };
        byte[] reason = new byte[LongestReason];
        int length;
        Peer owner;
        try
        {
            connection.Connect(new UnixDomainSocketEndPoint(name.Address));
            owner = Peer.Of(connection);
            if (owner.User != HostProbe.EffectiveUser)
            {
                return ("it is another user's", Failure.NotPermitted);
            }

            if (owner.Process == 0)
            {
                return ("it is in another process namespace", Failure.NotPermitted);
            }

            if (asksFirst && !owner.MayTraceThis())
            {
                return ("it may not trace this program", Failure.NotPermitted);
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
        catch (Exception e) when ((e as SocketException ?? e.InnerException as SocketException)?.SocketErrorCode is SocketError.TimedOut
            or SocketError.WouldBlock)
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
}
