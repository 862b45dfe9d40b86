using System.Text;
using System.Text.Json;

namespace Cloister.Cli.Tracing;

/// <summary>Bytes of text that grow, without a string for each number.</summary>
internal sealed class Utf8Line
{
    private const int Longest = 32; // a number
    private byte[] _bytes = new byte[4096];

    /// <summary>How many there are.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>Begins anew.</summary>
    public void Clear() => Length = 0;

    /// <summary>Text as it is.</summary>
    public Utf8Line Add(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Space(text.Length));
        Length += text.Length;
        return this;
    }

    /// <summary>Text as it is.</summary>
    public Utf8Line Add(string text)
    {
        Length += Encoding.UTF8.GetBytes(text, Space(text.Length * 3));
        return this;
    }

    /// <summary>A decimal number.</summary>
    public Utf8Line Add(long number)
    {
        _ = number.TryFormat(Space(Longest), out int written);
        Length += written;
        return this;
    }

    /// <summary>A number with 0x.</summary>
    public Utf8Line Hex(ulong number)
    {
        _ = Add("0x"u8);
        _ = number.TryFormat(Space(Longest), out int written, "x");
        Length += written;
        return this;
    }

    /// <summary>Nanoseconds in a larger unit, with as many digits behind the point as there are zeroes in it.</summary>
    /// <param name="nanoseconds">Not negative.</param>
    /// <param name="unit">A power of ten.</param>
    /// <param name="digits">Its zeroes, no more than nine.</param>
    public Utf8Line Scaled(long nanoseconds, long unit, int digits)
    {
        _ = Add(nanoseconds / unit).Add("."u8);
        Span<byte> space = Space(Longest);
        long rest = nanoseconds % unit;
        for (int i = digits - 1; i >= 0; i--, rest /= 10)
        {
            space[i] = (byte)('0' + rest % 10);
        }

        Length += digits;
        return this;
    }

    /// <summary>Text in a JSON string, without the quotes.</summary>
    public Utf8Line Json(string text) => IsPlain(text) ? Add(text) : Add(JsonEncodedText.Encode(text).EncodedUtf8Bytes);

    private static bool IsPlain(string text)
    {
        foreach (char letter in text)
        {
            if (letter is < ' ' or > '~' or '"' or '\\')
            {
                return false;
            }
        }

        return true;
    }

    private Span<byte> Space(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        }

        return _bytes.AsSpan(Length);
    }
}
