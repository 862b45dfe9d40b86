namespace Cloister.Linux;

/// <summary>Takes the texts of /proc apart, as the bytes they are.</summary>
public static class ProcText
{
    /// <summary>Takes what is before the first separator off a text, and the separator; all of it when there is none.</summary>
    public static ReadOnlySpan<byte> Take(scoped ref ReadOnlySpan<byte> text, byte separator)
    {
        int end = text.IndexOf(separator);
        ReadOnlySpan<byte> taken = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[(end + 1)..];
        return taken;
    }

    /// <summary>Takes the first line off a text, without its end.</summary>
    public static ReadOnlySpan<byte> TakeLine(scoped ref ReadOnlySpan<byte> text) => Take(ref text, (byte)'\n');

    /// <summary>Takes the first word off a line, and the blanks before and behind it.</summary>
    public static ReadOnlySpan<byte> TakeWord(scoped ref ReadOnlySpan<byte> line)
    {
        line = line.TrimStart((byte)' ');
        ReadOnlySpan<byte> word = Take(ref line, (byte)' ');
        line = line.TrimStart((byte)' ');
        return word;
    }

    /// <summary>The rest of the first line that begins with a name, without blanks around it; empty when there is none.</summary>
    public static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name)
    {
        while (!text.IsEmpty)
        {
            ReadOnlySpan<byte> line = TakeLine(ref text);
            if (line.StartsWith(name))
            {
                return line[name.Length..].Trim(" \t"u8);
            }
        }

        return default;
    }

    /// <summary>The number in base 10 that a text begins with; null when it begins with no digit or the number is beyond 64 bits.</summary>
    public static ulong? Number(ReadOnlySpan<byte> text) => Number(text, 10);

    /// <summary>The number in base 16 that a text begins with; null as with <see cref="Number(ReadOnlySpan{byte})"/>.</summary>
    public static ulong? Hexadecimal(ReadOnlySpan<byte> text) => Number(text, 16);

    private static ulong? Number(ReadOnlySpan<byte> text, uint radix)
    {
        ulong value = 0;
        int digits = 0;
        for (; digits < text.Length && Digit(text[digits]) is var digit && digit < radix; digits++)
        {
            if (value > (ulong.MaxValue - digit) / radix)
            {
                return null;
            }

            value = value * radix + digit;
        }

        return digits == 0 ? null : value;
    }

    private static uint Digit(byte letter) => letter switch
    {
        >= (byte)'0' and <= (byte)'9' => (uint)(letter - '0'),
        >= (byte)'a' and <= (byte)'f' => (uint)(letter - 'a' + 10),
        >= (byte)'A' and <= (byte)'F' => (uint)(letter - 'A' + 10),
        _ => uint.MaxValue,
    };
}
