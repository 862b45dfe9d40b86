using System.Net.Sockets;
using Cloister.Cli.Running;
using Cloister.Engine;

namespace Cloister.Cli.Debugging;

/// <summary>Waits for a gdb before the program begins, and for another when that has gone.</summary>
internal sealed class DebugListener : IDisposable
{
    private readonly DebugMachine _machine;
    private readonly EnclaveFiles _files;
    private readonly DebugTerminal? _terminal = DebugTerminal.Begin();
    private readonly Socket _socket;
    private readonly string? _path;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _serving;
    private volatile bool _isAwaited = !DebugTerminal.IsAsked;

    private DebugListener(Tracer tracer, EnclaveFiles files, Socket socket, string? path)
    {
        (_files, _socket, _path) = (files, socket, path);
        _machine = new DebugMachine(tracer);
        tracer.DebugFromBegin(_machine.Hear);
        _serving = Task.Run(Serve);
    }

    /// <summary>Begins: the program stands before its first instruction until a gdb lets it run.</summary>
    /// <param name="tracer">The machine, which runs nothing yet.</param>
    /// <param name="files">Which files enclaves are from.</param>
    /// <param name="place">Where a gdb comes.</param>
    /// <param name="problem">Why it cannot.</param>
    public static DebugListener? Begin(Tracer tracer, EnclaveFiles files, GdbPlace place, out string? problem) =>
        place.TryListen(out problem) is { } socket
        ? new DebugListener(tracer, files, socket, place.Address is null ? place.Text : null) : null;

    /// <summary>Gives up waiting, for somebody wants this process to end.</summary>
    /// <returns>False when a gdb has come: nothing is given up then.</returns>
    public bool GiveUp()
    {
        if (_isAwaited && _path is not null)
        {
            _ = Linux.HostFile.Unlink(_path);
        }

        return _isAwaited;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // What gdb has still to hear is the program's end.
        _machine.End();
        const int milliseconds = 2000;
        _socket.Close();
        _ = Task.WaitAny(_serving, Task.Delay(milliseconds));
        _end.Cancel();
        _socket.Dispose();
        _terminal?.ToDebugger();
        if (_path is not null)
        {
            _ = Linux.HostFile.Unlink(_path);
        }

        _end.Dispose();
    }

    private async Task Serve()
    {
        for (bool isFirst = true; ; isFirst = false)
        {
            try
            {
                using Socket connection = await _socket.AcceptAsync(_end.Token).ConfigureAwait(false);
                _isAwaited = false;
                if (DebugTerminal.IsAsked && _path is not null)
                {
                    // Who has started both sees by that whether gdb came.
                    _ = Linux.HostFile.Unlink(_path);
                }

                if (connection.AddressFamily != AddressFamily.Unix)
                {
                    connection.NoDelay = true;
                }

                if (!isFirst && !await _machine.Attach(0).ConfigureAwait(false))
                {
                    continue;
                }

                try
                {
                    using var server = new GdbServer(_machine, _files, new NetworkStream(connection), _terminal);
                    await server.Serve(!isFirst, _end.Token).ConfigureAwait(false);
                }
                finally
                {
                    await _machine.Leave().ConfigureAwait(false);
                }

                if (DebugTerminal.IsAsked)
                {
                    return;
                }
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                if (_end.IsCancellationRequested || !_socket.IsBound)
                {
                    return;
                }
            }
#pragma warning disable CA1031 // A defect of ours, which nobody waits for: it is told, and the program runs on.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _ = Failure.Report($"gdb is not served any more: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}",
                    Failure.Internal);
            }
        }
    }
}
