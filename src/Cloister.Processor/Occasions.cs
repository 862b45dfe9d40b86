using System.Globalization;

namespace Cloister.Processor;

/// <summary>Counts the occasions of something that is to happen by order.</summary>
/// <param name="first">The first occasion, from 1.</param>
/// <param name="last">The last one.</param>
public sealed class Occasions(long first, long last)
{
    private long _count;

    /// <summary>Whether there are more to come.</summary>
    public bool AreLeft => _count < last;

    /// <summary>One comes.</summary>
    /// <returns>Whether it is one of those.</returns>
    public bool Occur() => AreLeft && ++_count >= first;

    /// <summary>Reads <c>N</c>, <c>N+</c> for all from there on, or <c>N..M</c>, with numbers from 1.</summary>
    /// <param name="text">What is written.</param>
    /// <param name="first">The first occasion.</param>
    /// <param name="last">The last one.</param>
    /// <returns>False when the text is not that.</returns>
    public static bool TryRead(string text, out long first, out long last)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] ends = text.Split("..");
        last = 0;
        bool isOpen = ends.Length == 1 && text.EndsWith('+');
        if (!TryReadOne(isOpen ? text[..^1] : ends[0], out first))
        {
            return false;
        }

        last = isOpen ? long.MaxValue : first;
        return ends.Length == 1 || (ends.Length == 2 && TryReadOne(ends[1], out last) && last >= first);
    }

    /// <summary>The text that <see cref="TryRead"/> reads.</summary>
    /// <param name="first">The first occasion.</param>
    /// <param name="last">The last one.</param>
    public static string TextOf(long first, long last) => last == long.MaxValue ? string.Create(CultureInfo.InvariantCulture, $"{first}+")
        : first == last ? first.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{first}..{last}");

    private static bool TryReadOne(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
