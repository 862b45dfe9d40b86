using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Cloister.Attestation.Services;
using Cloister.Cli.Running;
using Cloister.Engine;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Joining;

/// <summary>Where others join the machine of this run.</summary>
internal sealed class MachineDoor : IDisposable
{
    private const int Backlog = 64;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10), s_pause = TimeSpan.FromMilliseconds(1);

    private readonly Socket _listener;
    private readonly OwnFile? _file;
    private readonly IReadOnlyList<string> _options;
    private ConnectionServer? _server;

    private MachineDoor(Socket listener, OwnFile? file, IReadOnlyList<string> options) =>
        (_listener, _file, _options) = (listener, file, options);

    /// <summary>Opens one.</summary>
    /// <param name="name">The machine's name.</param>
    /// <param name="options">What the machine is made with.</param>
    /// <param name="error">Why it cannot; <see cref="SocketError.AddressAlreadyInUse"/> where somebody has it.</param>
    public static MachineDoor? TryOpen(MachineName name, IReadOnlyList<string> options, out SocketError error)
    {
        try
        {
            Socket listener = SocketAtPath.Listen(name.Address, Backlog);
            error = SocketError.Success;
            return new MachineDoor(listener, name.IsPath ? new OwnFile(name.Text) : null, options);
        }
        catch (SocketException e)
        {
            error = e.SocketErrorCode;
            return null;
        }
    }

    /// <summary>Lets others in from now on.</summary>
    /// <param name="tracer">The machine.</param>
    /// <param name="place">Gives a program what it finds on this machine.</param>
    /// <param name="notice">Hears of who could not come in.</param>
    public void Begin(Tracer tracer, Func<ProgramInvocation, ProgramInvocation> place, Action<string> notice) =>
        _server = ConnectionServer.Begin(_listener,
            (stream, late) => Serve((NetworkStream)stream, tracer, place, notice, late), s_patience);

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Delete();
        _server?.Dispose();
        _listener.Dispose();
    }

    // A process that waits ends with the connection.
    private async Task Serve(NetworkStream stream, Tracer tracer, Func<ProgramInvocation, ProgramInvocation> place, Action<string> notice,
        CancellationToken late)
    {
        var peer = Peer.Of(stream.Socket);
        if (peer.User != HostProbe.EffectiveUser)
        {
            await Refuse(stream, "it is another user's", late);
        }
        else if (await Request(stream, late) is not { } request)
        {
            await Refuse(stream, "what it was asked is nothing that it knows", late);
        }
        else if (!IsInThisNamespace(peer.Process))
        {
            await Refuse(stream, "it is in another process namespace; the containers of a pod need shareProcessNamespace: true", late);
        }
        else if (request.Options.FirstOrDefault(option => !_options.Contains(option)) is { } other)
        {
            await Refuse(stream, $"it was made without {other}; leave that out, or name another machine", late);
        }
        else
        {
            try
            {
                _ = await tracer.Join(() => Arrival(stream, peer.Process, request with { Program = place(request.Program) }, late));
            }
            catch (LinuxException e)
            {
                notice($"a program that came to this machine could not become one of its own: {Failure.Explain(e).Message}");
            }
        }
    }

    // Numbers of processes mean the same to both.
    private static bool IsInThisNamespace(int process)
    {
        try
        {
            return process != 0
                && File.ResolveLinkTarget($"/proc/{process}/ns/pid",
                    false)?.Name == File.ResolveLinkTarget("/proc/self/ns/pid", false)?.Name;
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            return false;
        }
    }

    private static async Task<(IStartingProgram Waiting, ProgramInvocation Program)?> Arrival(NetworkStream stream, int process,
        JoinRequest request, CancellationToken cancellation)
    {
        await stream.WriteAsync(new byte[1], cancellation); // welcome
        while (!JoiningProgram.Waits(process))
        {
            await Task.Delay(s_pause, cancellation);
        }

        return (new JoiningProgram(process, request.Descriptor, () => stream.Socket.Send("s"u8)), request.Program);
    }

    private static async Task<JoinRequest?> Request(Stream stream, CancellationToken cancellation)
    {
        byte[] length = new byte[4];
        await stream.ReadExactlyAsync(length, cancellation);
        if (BinaryPrimitives.ReadUInt32LittleEndian(length) is not (<= JoinRequest.Longest and var bytes))
        {
            return null;
        }

        byte[] request = new byte[bytes];
        await stream.ReadExactlyAsync(request, cancellation);
        return JoinRequest.Read(request);
    }

    private static ValueTask Refuse(Stream stream, string reason, CancellationToken cancellation) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes(reason), cancellation);
}
