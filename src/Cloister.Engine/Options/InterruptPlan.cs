using System.Globalization;

namespace Cloister.Engine.Options;

/// <summary>Interrupts that come to threads inside enclaves though no device sends any: each is an asynchronous exit.</summary>
public sealed record InterruptPlan
{
    /// <summary>The most in a second.</summary>
    public const int MostInSecond = 1000;

    /// <summary>After how many instructions inside a thread is interrupted, again and again; 0 for never.</summary>
    public long Every { get; init; }

    /// <summary>Chooses the first of them, from 1 to <see cref="Every"/>; null for <see cref="Every"/> itself.</summary>
    public ulong? Seed { get; init; }

    /// <summary>How often in a second all threads inside are interrupted; 0 for never.</summary>
    public int InSecond { get; init; }

    /// <summary>Where threads are interrupted.</summary>
    public IReadOnlyList<InterruptPlace> Places { get; init; } = [];

    /// <summary>Reads <c>N</c> or <c>N:SEED</c>.</summary>
    /// <returns>False when the text is not that.</returns>
    public static bool TryParse(string text, out long every, out ulong? seed)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        seed = null;
        if (colon >= 0)
        {
            if (!ulong.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ulong given))
            {
                every = 0;
                return false;
            }

            seed = given;
        }

        return long.TryParse(colon < 0 ? text : text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out every)
            && every > 0;
    }

    /// <summary>After how many instructions a thread is interrupted first.</summary>
    /// <param name="thread">How many threads were inside before it.</param>
    public long First(long thread)
    {
        if (Seed is not { } seed || Every == 0)
        {
            return Every;
        }

        // SplitMix64 (Steele, Lea, Flood, 2014): well mixed from any seed.
        ulong mixed = unchecked(seed + (0x9e3779b97f4a7c15 * ((ulong)thread + 1)));
        mixed = unchecked((mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94d049bb133111eb);
        return 1 + (long)((mixed ^ (mixed >> 31)) % (ulong)Every);
    }
}
