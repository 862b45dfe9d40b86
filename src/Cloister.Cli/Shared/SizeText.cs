using System.Globalization;

namespace Cloister.Cli;

/// <summary>Sizes as people write them: 4096, 512K, 128M, 2G, 1T, 64P, and the same as 512KiB, 128MiB, 2GiB.</summary>
internal static class SizeText
{
    private const string Units = "KMGTP";

    public static bool TryParse(string text, out long bytes)
    {
        // KiB is IEC 80000-13's name for 1,024 bytes. KB, which may be 1,000, is refused.
        ReadOnlySpan<char> number = text.EndsWith("iB", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(0, text.Length - 2) : text;
        int unit = number.IsEmpty ? -1 : Units.IndexOf(char.ToUpperInvariant(number[^1]), StringComparison.Ordinal);
        int shift = 10 * (unit + 1);
        bytes = 0;
        if (unit < 0 && number.Length < text.Length)
        {
            return false;
        }

        number = unit < 0 ? number : number[..^1];
        if (!long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long value) || value > long.MaxValue >> shift)
        {
            return false;
        }

        bytes = value << shift;
        return true;
    }

    /// <summary>A size in the largest unit that divides it, or to one digit after the point.</summary>
    public static string Of(long bytes)
    {
        foreach ((long unit, string name) in (ReadOnlySpan<(long, string)>)[(1L << 30, "G"), (1L << 20, "M"), (1L << 10, "K")])
        {
            if (bytes >= unit)
            {
                return bytes % unit == 0 ? $"{bytes / unit}{name}"
                    : string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / unit:f1}{name}");
            }
        }

        return $"{bytes}";
    }
}
