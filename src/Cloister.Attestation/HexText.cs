namespace Cloister.Attestation;

/// <summary>Bytes that are written as hexadecimal digits.</summary>
public static class HexText
{
    /// <summary>Whether a text is so many bytes.</summary>
    public static bool IsBytes(string text, int length)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length == 2 * length && text.All(char.IsAsciiHexDigit);
    }

    /// <summary>Bytes of a text, or null when it is none.</summary>
    public static byte[]? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit) ? Convert.FromHexString(text) : null;
    }
}
