using System.Net.Sockets;
using System.Text;
using Cloister.Cli.Looking;

namespace Cloister.Cli.Debugging;

/// <summary>Brings a gdb to a run that is under way: between gdb, which has started this, and the run's socket.</summary>
internal static class GdbPipe
{
    /// <summary>What a run says before it speaks gdb's protocol.</summary>
    public const string Greeting = "gdb";

    /// <summary>Does it until one of the two goes.</summary>
    /// <param name="process">The process of the run, or one of its program's, which is the one to be debugged.</param>
    /// <exception cref="LookException">There is no such run, or it refuses.</exception>
    public static int Run(int process)
    {
        using Socket socket = LookClient.Connect(process, out bool isProgram);
        using var stream = new NetworkStream(socket);
        stream.Write(Encoding.ASCII.GetBytes($"{new LookRequest(LookVerb.Gdb, isProgram ? (ulong)process : null)}\n"));
        string greeting = Line(stream);
        if (greeting != Greeting)
        {
            throw new LookException(LookClient.Refusal(greeting));
        }

        using Stream input = Console.OpenStandardInput(), output = Console.OpenStandardOutput();
        Task there = Copy(input, stream), back = Copy(stream, output);
        _ = Task.WaitAny(there, back);
        return 0;
    }

    private static async Task Copy(Stream from, Stream to)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            for (int read; (read = await from.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
            {
                await to.WriteAsync(buffer.AsMemory(0, read)).ConfigureAwait(false);
                await to.FlushAsync().ConfigureAwait(false);
            }
        }
        catch (IOException)
        {
            // One of the two has gone.
        }
    }

    private static string Line(Stream stream)
    {
        var line = new StringBuilder();
        for (int next; (next = stream.ReadByte()) is not (-1 or '\n') && line.Length < 4096;)
        {
            line.Append((char)next);
        }

        return line.ToString();
    }
}
