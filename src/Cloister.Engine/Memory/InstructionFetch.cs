using Cloister.Engine.Platforms;

namespace Cloister.Engine.Memory;

/// <summary>Reads code as the processor fetches it: an enclave's from the EPC.</summary>
internal static class InstructionFetch
{
    /// <summary>Reads bytes from an address on.</summary>
    /// <returns>How many could be read.</returns>
    public static int Read(AddressSpace space, ulong rip, Span<byte> code)
    {
        int done = 0;
        while (done < code.Length)
        {
            ulong at = rip + (ulong)done;
            int chunk = (int)Math.Min((ulong)(code.Length - done), 4096 - (at & 4095));
            if (space.Mappings.Find(at) is { } mapping)
            {
                if (!space.Pages.Peek(at).Present)
                {
                    break;
                }

                mapping.File.Bytes(mapping.OffsetOf(at & ~4095UL)).Slice((int)(at & 4095), chunk).CopyTo(code[done..]);
            }
            else if (at - Area.Base < Area.Length && space.Table is { } table)
            {
                // The vDSO and the gadget, which this process has mapped as well.
                table.Slice(RemoteCalls.Offset(at), chunk).CopyTo(code[done..]);
            }
            else if (!space.Memory.TryPeek(at, code.Slice(done, chunk)))
            {
                break;
            }

            done += chunk;
        }

        return done;
    }
}
