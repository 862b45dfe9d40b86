using System.Globalization;
using Cloister.Processor;

namespace Cloister.Engine.Options;

/// <summary>A place of enclaves' code at which threads are interrupted, before what stands there is executed.</summary>
/// <param name="Symbol">The name of a function or label in the enclave's file; empty for an offset in the enclave.</param>
/// <param name="Offset">Bytes behind it, or from the enclave's base.</param>
/// <param name="First">At which of its executions, from 1, counted over all threads.</param>
/// <param name="Last">At which it ends.</param>
public sealed record InterruptPlace(string Symbol, ulong Offset, long First, long Last)
{
    /// <summary>Reads places with commas between them: <c>SYMBOL</c>, <c>SYMBOL+0xOFFSET</c> or <c>0xOFFSET</c>, each with
    /// <c>:when=N</c>, <c>N+</c> or <c>N..M</c>; every time where that is left out.</summary>
    /// <returns>Null when the text is not that.</returns>
    public static IReadOnlyList<InterruptPlace>? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<InterruptPlace> places = [];
        foreach (string part in text.Split(','))
        {
            const string when = ":when=";
            int colon = part.IndexOf(when, StringComparison.Ordinal);
            string place = colon < 0 ? part : part[..colon];
            int plus = place.LastIndexOf("+0x", StringComparison.Ordinal);
            bool isOffset = place.StartsWith("0x", StringComparison.Ordinal);
            string symbol = isOffset ? "" : plus < 0 ? place : place[..plus];
            ulong offset = 0;
            (long first, long last) = (1, long.MaxValue);
            if ((!isOffset && symbol.Length == 0) || symbol.Any(c => c is ' ' or ':' && !symbol.Contains("::", StringComparison.Ordinal))
                || ((isOffset || plus >= 0) && !TryReadOffset(isOffset ? place[2..] : place[(plus + 3)..], out offset))
                || (colon >= 0 && !Occasions.TryRead(part[(colon + when.Length)..], out first, out last)))
            {
                return null;
            }

            places.Add(new InterruptPlace(symbol, offset, first, last));
        }

        return places;
    }

    /// <summary>As it is written, without its occasions.</summary>
    public string Place => Symbol.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"0x{Offset:x}")
        : Offset == 0 ? Symbol : string.Create(CultureInfo.InvariantCulture, $"{Symbol}+0x{Offset:x}");

    private static bool TryReadOffset(string text, out ulong offset) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out offset);
}
