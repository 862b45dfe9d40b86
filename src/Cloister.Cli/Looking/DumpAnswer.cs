using System.Text.Json;

namespace Cloister.Cli.Looking;

/// <summary>Takes the memory of an enclave from a run: a line, and as many bytes as it says.</summary>
internal static class DumpAnswer
{
    private const int LongestLine = 64 * 1024;

    // The run has its own limits; each part has to come within these.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(70);

    public static DumpLook? TryTake(string path, LookRequest request, Stream to) => LookClient.TryTake(path, request, s_patience, socket =>
    {
        byte[] buffer = new byte[256 * 1024];
        int read, filled = 0, end;
        while ((end = Array.IndexOf(buffer, (byte)'\n', 0, filled)) < 0 && filled < LongestLine
            && (read = socket.Receive(buffer.AsSpan(filled))) > 0)
        {
            filled += read;
        }

        using JsonDocument line = LookClient.Read(buffer.AsMemory(0, end < 0 ? filled : end));
        DumpLook look = line.Deserialize(LookJson.Default.DumpLook)!;
        long left = look.Length;
        for (ReadOnlyMemory<byte> part = buffer.AsMemory(end + 1, filled - end - 1); left > 0; part = buffer.AsMemory(0, read))
        {
            to.Write(part.Span[..(int)Math.Min(part.Length, left)]);
            left -= part.Length;
            read = left > 0 ? socket.Receive(buffer) : 0;
            if (left > 0 && read == 0)
            {
                throw new LookException("it ended before all of the enclave's memory had come");
            }
        }

        return look;
    });
}
