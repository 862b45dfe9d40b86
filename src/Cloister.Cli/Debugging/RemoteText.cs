using System.Globalization;
using System.Text;

namespace Cloister.Cli.Debugging;

/// <summary>Numbers and bytes as packets have them.</summary>
internal static class RemoteText
{
    /// <summary>A number: hexadecimal without a prefix.</summary>
    public static ulong? Number(string text) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value) ? value : null;

    /// <summary>A thread: -1 for all, 0 for any; of the one process that there is. gdb manual, "thread-id syntax".</summary>
    public static int? Thread(string text)
    {
        if (text.StartsWith('p'))
        {
            int dot = text.IndexOf('.', StringComparison.Ordinal);
            return dot < 0 ? -1 : Thread(text[(dot + 1)..]);
        }

        return text == "-1" ? -1 : Number(text) is { } value and <= int.MaxValue ? (int)value : null;
    }

    /// <summary>A thread of a process, as packets name it.</summary>
    public static string ThreadId(int process, int thread) => string.Create(CultureInfo.InvariantCulture, $"p{process:x}.{thread:x}");

    /// <summary>Bytes of two digits each; null where they are none.</summary>
    public static byte[]? Bytes(string text)
    {
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Text of two digits a byte.</summary>
    public static string? Text(string digits) => Bytes(digits) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    /// <summary>Text as two digits a byte.</summary>
    public static string Digits(string text) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text));
}
