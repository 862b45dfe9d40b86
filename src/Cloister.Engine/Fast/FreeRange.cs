using Cloister.Engine.Stubs;
using Cloister.Linux;

namespace Cloister.Engine.Fast;

/// <summary>Free address space near some code.</summary>
internal static class FreeRange
{
    private const ulong Margin = 1UL << 20;

    /// <summary>A free range that lies whole among a jump's targets, as near to their middle as can be and away from
    /// what grows; null when there is none.</summary>
    /// <param name="maps">What is mapped, in order.</param>
    /// <param name="targets">Where it may lie.</param>
    /// <param name="length">Bytes, a multiple of the page.</param>
    /// <param name="enclaves">Their ranges count as taken, though nothing may be mapped there.</param>
    public static ulong? In(IEnumerable<MapsLine> maps, JumpTargets targets, ulong length, IEnumerable<(ulong Start, ulong End)> enclaves)
    {
        ulong address = targets.Middle;
        ulong end = 0x10000;
        ulong? best = null;
        (ulong Start, ulong End)[] taken = [.. enclaves.Distinct().Order()];
        foreach (MapsLine line in maps)
        {
            foreach ((ulong takenStart, ulong takenEnd) in taken)
            {
                if (takenStart < line.Start && takenEnd > end)
                {
                    Consider(end, Math.Max(end, takenStart));
                    end = Math.Min(takenEnd, line.Start);
                }
            }

            Consider(end, line.Start);
            end = line.End;
        }

        return best;

        void Consider(ulong from, ulong to)
        {
            if (to < from + 2 * Margin + length)
            {
                return;
            }

            // The middle of the gap, or as near to it as the jump reaches: heaps grow into its start and stacks into its end.
            ulong low = HostPage.Whole(Math.Max(from + Margin, targets.First));
            ulong high = Math.Min(to - Margin, targets.Last + 1);
            if (high < length || low > high - length)
            {
                return;
            }

            ulong candidate = HostPage.Start(low + (high - length - low) / 2);
            if (best is null || Distance(candidate) < Distance(best.Value))
            {
                best = candidate;
            }
        }

        ulong Distance(ulong candidate) => candidate > address ? candidate - address : address - candidate;
    }
}
