using System.Text;

namespace Cloister.Cli;

/// <summary>A line that somebody sends.</summary>
internal static class StreamLine
{
    /// <summary>Reads up to its end, the end of what is sent, or one byte more than it may have.</summary>
    /// <param name="stream">From whom.</param>
    /// <param name="longest">The most bytes that it may have.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<string> Read(Stream stream, int longest, CancellationToken cancellation)
    {
        byte[] buffer = new byte[longest + 1];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false);
            int end = Array.IndexOf(buffer, (byte)'\n', length, read);
            if (end >= 0)
            {
                return Encoding.Latin1.GetString(buffer, 0, end);
            }

            length += read;
            if (read == 0)
            {
                break;
            }
        }

        return Encoding.Latin1.GetString(buffer, 0, length);
    }
}
