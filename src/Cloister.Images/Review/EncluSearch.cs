using Cloister.Processor.Enclu;

namespace Cloister.Images;

/// <summary>Looks for ENCLU in a file's code.</summary>
public static class EncluSearch
{
    private const int WindowSize = 64 * 1024;

    /// <summary>How often the bytes of ENCLU occur, be it as an instruction or by chance.</summary>
    /// <exception cref="ImageException">The file is not whole.</exception>
    public static long Count(EnclaveImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        long count = 0;
        byte[] window = new byte[WindowSize];
        foreach (FileRange range in image.Code)
        {
            for (long at = 0; at < range.Length; at += WindowSize - 2)
            {
                Span<byte> bytes = window.AsSpan(0, (int)Math.Min(WindowSize, range.Length - at));
                image.Source.Read(range.Offset + at, bytes);
                for (int found = bytes.IndexOf(EncluInstruction.Opcode); found >= 0; found = bytes.IndexOf(EncluInstruction.Opcode))
                {
                    count++;
                    bytes = bytes[(found + EncluInstruction.Length)..];
                }
            }
        }

        return count;
    }
}
