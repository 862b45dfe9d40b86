using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Cloister.Cli.Looking;

/// <summary>Asks runs.</summary>
internal static class LookClient
{
    private const int LongestAnswer = 256 << 20;

    // The run itself answers within less, or says that it cannot.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>Asks the run of a process, Cloister's own or one of its program's.</summary>
    /// <exception cref="LookException">There is none, or it does not answer.</exception>
    public static JsonDocument Ask(int process, LookRequest request) => Ask(process, request, TryAsk);

    /// <summary>Asks the run of a process for its metrics.</summary>
    /// <exception cref="LookException">There is none, or it does not answer.</exception>
    public static string Metrics(int process) => Ask(process, new LookRequest(LookVerb.Metrics),
        (path, request) => TryTake(path, request, s_patience, socket =>
    {
        byte[] answer = Receive(socket);
        if (answer is [] or [(byte)'{', ..])
        {
            // A refusal, or no answer at all.
            Read(answer).Dispose();
            throw new LookException("its answer is of another version");
        }

        return Encoding.UTF8.GetString(answer);
    }));

    /// <summary>Asks the run of a process for the memory of an enclave.</summary>
    /// <param name="process">Cloister's process, or one of its program's.</param>
    /// <param name="enclave">The enclave.</param>
    /// <param name="to">Where the memory goes.</param>
    /// <exception cref="LookException">There is none, or it does not answer.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static DumpLook Dump(int process, ulong enclave, Stream to) =>
        Ask(process, new LookRequest(LookVerb.Dump, Enclave: enclave), (path, request) => DumpAnswer.TryTake(path, request, to));

    private static T Ask<T>(int process, LookRequest request, Func<string, LookRequest, T?> tryAsk)
        where T : class
    {
        SortedDictionary<int, string> sockets = LookFolder.Sockets();
        if (sockets.TryGetValue(process, out string? own) && tryAsk(own, request) is { } answer)
        {
            return answer;
        }

        foreach ((_, MachineLook? machine) in All())
        {
            if (machine is not null && machine.Processes.Any(one => one.Pid == process || one.Threads.Any(thread => thread.Tid == process))
                && tryAsk(sockets.GetValueOrDefault(machine.Pid, ""), request) is { } found)
            {
                return found;
            }
        }

        throw new LookException($"no run of this user's is or has process {process}; `cloister ps` lists them");
    }

    /// <summary>A connection to the run of a process.</summary>
    /// <param name="process">Cloister's own or one of its program's.</param>
    /// <param name="isProgram">Whether it is one of its program's.</param>
    /// <exception cref="LookException">There is none, or it does not answer.</exception>
    public static Socket Connect(int process, out bool isProgram)
    {
        using JsonDocument answer = Ask(process, new LookRequest(LookVerb.Ps));
        MachineLook machine = answer.Deserialize(LookJson.Default.MachineLook)!;
        isProgram = machine.Pid != process;
        try
        {
            return Connected(LookFolder.Sockets().GetValueOrDefault(machine.Pid, ""), s_patience);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new LookException($"it does not answer: {e.Message}");
        }
    }

    /// <summary>Why a run refuses, of what it answered in place of what was asked for.</summary>
    public static string Refusal(string answer)
    {
        try
        {
            Read(Encoding.UTF8.GetBytes(answer)).Dispose();
            return "it answers what was not asked for: is it of another version?";
        }
        catch (LookException refused)
        {
            return refused.Message;
        }
    }

    /// <summary>Asks all runs what they are: by Cloister's process; null where there is no answer.</summary>
    public static IReadOnlyList<(int Pid, MachineLook? Machine)> All() =>
        [.. LookFolder.Sockets().AsParallel().AsOrdered().WithDegreeOfParallelism(16).Select(socket => (socket.Key, Machine(socket.Value)))
            .Where(one => one.Item2.IsThere).Select(one => (one.Key, one.Item2.Machine))];

    private static (bool IsThere, MachineLook? Machine) Machine(string socket)
    {
        try
        {
            using JsonDocument? answer = TryAsk(socket, new LookRequest(LookVerb.Ps));
            return answer is null ? (false, null) : (true, answer.Deserialize(LookJson.Default.MachineLook));
        }
        catch (Exception e) when (e is LookException or JsonException)
        {
            return (true, null);
        }
    }

    /// <summary>Asks at a socket; null where nobody listens any more: it is taken away.</summary>
    private static JsonDocument? TryAsk(string path, LookRequest request) =>
        TryTake(path, request, s_patience, socket => Read(Receive(socket)));

    // A run that is stopped takes nobody from its queue, and connect(2) waits there as long as a send may. socket(7), SO_SNDTIMEO.
    private static Socket Connected(string path, TimeSpan patience)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            SendTimeout = (int)patience.TotalMilliseconds,
        };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static byte[] Receive(Socket socket)
    {
        long began = Stopwatch.GetTimestamp();
        using var answer = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        for (int read; (read = socket.Receive(buffer)) > 0;)
        {
            answer.Write(buffer, 0, read);
            if (answer.Length > LongestAnswer || Stopwatch.GetElapsedTime(began) > s_patience)
            {
                throw new LookException("its answer is too long");
            }
        }

        return answer.ToArray();
    }

    /// <summary>Asks at a socket; null where nobody listens any more: it is taken away.</summary>
    public static T? TryTake<T>(string path, LookRequest request, TimeSpan patience, Func<Socket, T> take)
        where T : class
    {
        try
        {
            using Socket socket = Connected(path, patience);
            socket.ReceiveTimeout = socket.SendTimeout;
            _ = socket.Send(Encoding.ASCII.GetBytes($"{request}\n"));
            return take(socket);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused)
        {
            LookFolder.Remove(path);
            return null;
        }
        catch (SocketException e)
        {
            return File.Exists(path) ? throw new LookException($"it does not answer: {e.Message}") : null;
        }
        catch (Exception e) when (e is ArgumentException)
        {
            // No path at all: it has just ended.
            return null;
        }
    }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="LookException">It is none, or a refusal.</exception>
    public static JsonDocument Read(ReadOnlyMemory<byte> answer)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(answer);
        }
        catch (JsonException)
        {
            throw new LookException(answer.IsEmpty ? "it has ended, or too many look at it"
                : "it answers what is no JSON: is it of another version?");
        }

        if (document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("error", out JsonElement error))
        {
            using (document)
            {
                throw new LookException(PrintableText.Of(error.ToString()));
            }
        }

        return document;
    }
}
