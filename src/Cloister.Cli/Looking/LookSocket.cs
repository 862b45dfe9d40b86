using System.Net.Sockets;
using Cloister.Attestation.Services;
using Cloister.Linux;

namespace Cloister.Cli.Looking;

/// <summary>The socket by which others look at a run. Until somebody comes it is a thread that waits in the kernel, and no more.</summary>
internal sealed class LookSocket : IDisposable
{
    private const int MostConnections = 16, Backlog = 64, StackLength = 256 * 1024, PartLength = 256 * 1024;

    // For a line that a command sends at once; for the tracer to come to it; for the answer to be taken.
    private static readonly TimeSpan s_line = TimeSpan.FromSeconds(5), s_answer = TimeSpan.FromSeconds(8),
        s_taking = TimeSpan.FromSeconds(5);

    // The memory of an enclave may be large: the tracer writes it down, and who asked takes it piece by piece.
    private static readonly TimeSpan s_dump = TimeSpan.FromSeconds(60), s_whole = TimeSpan.FromMinutes(10);

    private readonly Lock _lock = new();
    private readonly Func<LookRequest, CancellationToken, Task<LookAnswer>> _answer;
    private readonly Func<LookRequest, Stream, Task<string?>>? _debug;
    private readonly Action<string>? _notice;
    private readonly IReadOnlyList<string> _folders;
    private ConnectionServer? _server;
    private string? _path;
    private bool _isOver;

    private LookSocket(Func<LookRequest, CancellationToken, Task<LookAnswer>> answer, Action<string>? notice, IReadOnlyList<string> folders,
        Func<LookRequest, Stream, Task<string?>>? debug) =>
        (_answer, _notice, _folders, _debug) = (answer, notice, folders, debug);

    /// <summary>Begins to listen; a run that cannot be looked at runs all the same.</summary>
    /// <param name="answer">Makes an answer.</param>
    /// <param name="notice">Hears why it cannot be.</param>
    /// <param name="folders">Where the socket may be, the best first.</param>
    /// <param name="debug">Serves a debugger until it goes, or says why it does not; null serves none.</param>
    public static LookSocket Begin(Func<LookRequest, CancellationToken, Task<LookAnswer>> answer, Action<string>? notice,
        IReadOnlyList<string> folders, Func<LookRequest, Stream, Task<string?>>? debug = null)
    {
        var socket = new LookSocket(answer, notice, folders, debug);
        try
        {
            new Thread(socket.Wait, StackLength) { IsBackground = true, Name = "look" }.Start();
        }
        catch (OutOfMemoryException)
        {
            // The limit of processes: setrlimit(2), RLIMIT_NPROC.
            notice?.Invoke("this run cannot be looked at: no thread is to be had");
        }

        return socket;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
            if (_path is not null)
            {
                LookFolder.Remove(_path);
            }

            // Who waits in the kernel for a connection ends with the process.
            _server?.Dispose();
        }
    }

    // The first connection is still to be taken when others begin to serve.
    private void Wait()
    {
        try
        {
            if (Listen() is { } listener && listener.Await())
            {
                Take(listener);
            }
        }
#pragma warning disable CA1031 // The framework's sockets are loaded here, for which nothing may be left: the program runs on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _notice?.Invoke($"this run cannot be looked at: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private void Take(LocalListener listener)
    {
        lock (_lock)
        {
            if (!_isOver)
            {
                _server = ConnectionServer.Begin(new Socket(new SafeSocketHandle(listener.Take(), ownsHandle: true)), Serve, s_whole,
                    MostConnections);
            }
        }
    }

    private LocalListener? Listen()
    {
        string problem = "";
        foreach (string folder in _folders)
        {
            lock (_lock)
            {
                if (_isOver)
                {
                    return null;
                }

                // The folder goes with its last socket, which may be now.
                for (int attempts = 0; attempts < 3; attempts++)
                {
                    if (LookFolder.Make(folder) is { } wrong)
                    {
                        problem = wrong;
                        break;
                    }

                    if (TryListen(folder, out problem) is { } listener)
                    {
                        return listener;
                    }
                }
            }
        }

        _notice?.Invoke($"this run cannot be looked at: {problem}");
        return null;
    }

    // It has its name when it listens already: who finds one that refuses takes it away.
    private LocalListener? TryListen(string folder, out string problem)
    {
        string path = LookFolder.FileOf(folder, Environment.ProcessId), beginning = path + "-";
        _ = HostFile.Unlink(beginning);
        LocalListener? listener = LocalListener.TryBegin(beginning, Backlog, out Errno error);
        if (listener is not null && (error = HostFile.Rename(beginning, path)) != Errno.None)
        {
            listener.Dispose();
            listener = null;
        }

        _path = listener is null ? _path : path;
        problem = $"{path}: {error}";
        return listener;
    }

    private async Task Serve(Stream stream, CancellationToken cancellation)
    {
        LookAnswer answer = await Answer(stream, cancellation).ConfigureAwait(false);
        await using (answer.Rest)
        {
            await Give(answer, stream, cancellation).ConfigureAwait(false);
        }
    }

    // Who takes nothing for a while is cut off.
    private static async Task Give(LookAnswer answer, Stream stream, CancellationToken cancellation)
    {
        ReadOnlyMemory<byte> part = answer.Line;
        byte[] buffer = answer.Rest is null ? [] : new byte[PartLength];
        while (!part.IsEmpty)
        {
            using (var taking = Limited(s_taking, cancellation))
            {
                await stream.WriteAsync(part, taking.Token).ConfigureAwait(false);
            }

            part = answer.Rest is null ? default
                : buffer.AsMemory(0, await answer.Rest.ReadAsync(buffer, cancellation).ConfigureAwait(false));
        }
    }

    private async Task<LookAnswer> Answer(Stream stream, CancellationToken cancellation)
    {
        string line;
        using (var patience = Limited(s_line, cancellation))
        {
            line = await StreamLine.Read(stream, LookRequest.LongestLine, patience.Token).ConfigureAwait(false);
        }

        if (LookRequest.Parse(line, out string? problem) is not { } request)
        {
            return new LookAnswer(LookJson.Refusal(problem!));
        }

        if (request.Verb == LookVerb.Gdb)
        {
            // For as long as it stays.
            string? refused = _debug is null ? "it is not to be debugged" : await _debug(request, stream).ConfigureAwait(false);
            return new LookAnswer(refused is null ? [] : LookJson.Refusal(refused));
        }

        using var waiting = Limited(request.Verb == LookVerb.Dump ? s_dump : s_answer, cancellation);
        try
        {
            return await _answer(request, waiting.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return new LookAnswer(LookJson.Refusal("it is ending, or nothing of it stops"));
        }
#pragma warning disable CA1031 // Whatever goes wrong with a look is told to who looked.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new LookAnswer(LookJson.Refusal($"{e.GetType().Name}: {e.Message}"));
        }
    }

    private static CancellationTokenSource Limited(TimeSpan time, CancellationToken cancellation)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        source.CancelAfter(time);
        return source;
    }
}
