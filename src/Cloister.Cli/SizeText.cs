using System.Globalization;

namespace Cloister.Cli;

/// <summary>Sizes as people write them: 4096, 512K, 128M, 2G, 1T, 64P.</summary>
internal static class SizeText
{
    public static bool TryParse(string text, out long bytes)
    {
        long unit = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch
        {
            'K' => 1L << 10,
            'M' => 1L << 20,
            'G' => 1L << 30,
            'T' => 1L << 40,
            'P' => 1L << 50,
            _ => 1,
        };
        bytes = 0;
        ReadOnlySpan<char> number = unit > 1 ? text.AsSpan(0, text.Length - 1) : text;
        if (!long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long value) || value > long.MaxValue / Math.Max(unit, 1))
        {
            return false;
        }

        bytes = value * unit;
        return true;
    }

    /// <summary>A size in the largest unit that divides it, or to one digit after the point.</summary>
    public static string Of(long bytes)
    {
        foreach ((long unit, string name) in (ReadOnlySpan<(long, string)>)[(1L << 30, "G"), (1L << 20, "M"), (1L << 10, "K")])
        {
            if (bytes >= unit)
            {
                return bytes % unit == 0 ? $"{bytes / unit}{name}" : string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / unit:f1}{name}");
            }
        }

        return $"{bytes}";
    }
}
