namespace Cloister.Engine.Fast;

/// <summary>Free address space near some code.</summary>
internal static class FreeRange
{
    private const ulong Margin = 1UL << 20;

    /// <summary>A free range that lies whole among a jump's targets, as near to their middle as can be and away from what grows; null when there is none.</summary>
    /// <param name="thread">Whose address space.</param>
    /// <param name="targets">Where it may lie.</param>
    /// <param name="length">Bytes, a multiple of the page.</param>
    /// <param name="enclaves">Their ranges count as taken, though nothing may be mapped there.</param>
    public static ulong? In(TracedThread thread, JumpTargets targets, ulong length, IEnumerable<EnclaveFile> enclaves)
    {
        ulong address = targets.Middle;
        ulong end = 0x10000;
        ulong? best = null;
        foreach (MapsLine line in MapsLine.Of(thread))
        {
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
            ulong low = (Math.Max(from + Margin, targets.First) + 4095) & ~4095UL;
            ulong high = Math.Min(to - Margin, targets.Last + 1);
            if (high < length || low > high - length)
            {
                return;
            }

            ulong candidate = (low + (high - length - low) / 2) & ~4095UL;
            foreach (EnclaveFile file in enclaves)
            {
                if (file.Enclave is { } enclave && candidate < enclave.Base.Value + enclave.Size && enclave.Base.Value < candidate + length)
                {
                    return;
                }
            }

            if (best is null || Distance(candidate) < Distance(best.Value))
            {
                best = candidate;
            }
        }

        ulong Distance(ulong candidate) => candidate > address ? candidate - address : address - candidate;
    }
}
