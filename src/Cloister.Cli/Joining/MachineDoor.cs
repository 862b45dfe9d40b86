using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
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
    private readonly CancellationTokenSource _end = new();
    private readonly IReadOnlyList<string> _options;

    private MachineDoor(Socket listener, OwnFile? file, IReadOnlyList<string> options) => (_listener, _file, _options) = (listener, file, options);

    /// <summary>Opens one.</summary>
    /// <param name="name">The machine's name.</param>
    /// <param name="options">What the machine is made with.</param>
    /// <param name="error">Why it cannot; <see cref="SocketError.AddressAlreadyInUse"/> where somebody has it.</param>
    public static MachineDoor? TryOpen(MachineName name, IReadOnlyList<string> options, out SocketError error)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(name.Address);
            OwnFile? file = name.IsPath ? new OwnFile(name.Text) : null;
            listener.Listen(Backlog);
            error = SocketError.Success;
            return new MachineDoor(listener, file, options);
        }
        catch (SocketException e)
        {
            listener.Dispose();
            error = e.SocketErrorCode;
            return null;
        }
    }

    /// <summary>Lets others in from now on.</summary>
    /// <param name="tracer">The machine.</param>
    /// <param name="notice">Hears of who could not come in.</param>
    public void Begin(Tracer tracer, Action<string> notice) => _ = Task.Run(async () =>
    {
        while (true)
        {
            try
            {
                Socket connection = await _listener.AcceptAsync(_end.Token);
                _ = Task.Run(() => Serve(connection, tracer, notice));
            }
            catch (SocketException)
            {
                await Task.Delay(s_pause); // no descriptor is left, or whoever came is gone
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();
        _file?.Delete();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task Serve(Socket connection, Tracer tracer, Action<string> notice)
    {
        using (connection)
        {
            try
            {
                using var late = new CancellationTokenSource(s_patience);
                var peer = Peer.Of(connection);
                if (peer.User != HostProbe.EffectiveUser)
                {
                    await Refuse(connection, "it is another user's", late.Token);
                    return;
                }

                if (await Request(connection, late.Token) is not { } request)
                {
                    await Refuse(connection, "what it was asked is nothing that it knows", late.Token);
                    return;
                }

                if (!IsInThisNamespace(peer.Process))
                {
                    await Refuse(connection, "it is in another process namespace; the containers of a pod need shareProcessNamespace: true", late.Token);
                    return;
                }

                if (request.Options.FirstOrDefault(option => !_options.Contains(option)) is { } other)
                {
                    await Refuse(connection, $"it was made without {other}; leave that out, or name another machine", late.Token);
                    return;
                }

                _ = await tracer.Join(() => Arrival(connection, peer.Process, request, late.Token));
            }
            catch (LinuxException e)
            {
                notice($"a program that came to this machine could not become one of its own: {Failure.Explain(e).Message}");
            }
            catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The other side is gone, or the machine: a process that waits ends with the connection.
            }
        }
    }

    // Numbers of processes mean the same to both.
    private static bool IsInThisNamespace(int process)
    {
        try
        {
            return process != 0 && File.ResolveLinkTarget($"/proc/{process}/ns/pid", false)?.Name == File.ResolveLinkTarget("/proc/self/ns/pid", false)?.Name;
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            return false;
        }
    }

    private static async Task<(IStartingProgram Waiting, ProgramInvocation Program)?> Arrival(Socket connection, int process, JoinRequest request, CancellationToken cancellation)
    {
        _ = await connection.SendAsync(new byte[1], cancellation); // welcome
        while (!JoiningProgram.Waits(process))
        {
            await Task.Delay(s_pause, cancellation);
        }

        return (new JoiningProgram(process, request.Descriptor, () => connection.Send("s"u8)), request.Program);
    }

    private static async Task<JoinRequest?> Request(Socket connection, CancellationToken cancellation)
    {
        byte[] length = new byte[4];
        using var stream = new NetworkStream(connection, ownsSocket: false);
        await stream.ReadExactlyAsync(length, cancellation);
        if (BinaryPrimitives.ReadUInt32LittleEndian(length) is not (<= JoinRequest.Longest and var bytes))
        {
            return null;
        }

        byte[] request = new byte[bytes];
        await stream.ReadExactlyAsync(request, cancellation);
        return JoinRequest.Read(request);
    }

    private static async Task Refuse(Socket connection, string reason, CancellationToken cancellation) => await connection.SendAsync(Encoding.UTF8.GetBytes(reason), cancellation);
}
