using System.Globalization;

namespace Cloister.Engine.Fast;

/// <summary>Free address space near some code.</summary>
internal static class FreeRange
{
    private const ulong Reach = 1UL << 30, Margin = 1UL << 20;

    /// <summary>A free page within a jump's reach of an address, away from what grows; null when there is none.</summary>
    public static ulong? Near(int process, ulong address, ulong length)
    {
        ulong end = 0x10000;
        ulong? best = null;
        foreach (string line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/maps")))
        {
            string range = line[..line.IndexOf(' ', StringComparison.Ordinal)];
            int dash = range.IndexOf('-', StringComparison.Ordinal);
            ulong start = ulong.Parse(range.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Consider(end, start);
            end = ulong.Parse(range.AsSpan(dash + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        return best;

        void Consider(ulong from, ulong to)
        {
            if (to < from + 2 * Margin + length)
            {
                return;
            }

            // The middle of the gap, or as near to it as the jump reaches: heaps grow into its start and stacks into its end.
            ulong low = Math.Max(from + Margin, address > Reach ? address - Reach : 0);
            ulong high = Math.Min(to - Margin - length, address + Reach);
            if (low > high)
            {
                return;
            }

            ulong candidate = (low + (high - low) / 2) & ~4095UL;
            if (best is null || Distance(candidate) < Distance(best.Value))
            {
                best = candidate;
            }
        }

        ulong Distance(ulong candidate) => candidate > address ? candidate - address : address - candidate;
    }
}
