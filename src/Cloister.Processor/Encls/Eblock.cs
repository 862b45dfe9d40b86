using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EBLOCK]: keeps new translations of a page from being made. SDM 3D, EBLOCK.</summary>
public static class Eblock
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LinearAddress address = machine.Epcm.Contains(page) ? machine.Epcm[page].EnclaveAddress : default;
        return machine.Tell(EnclsLeaf.Eblock, page, address, Run(machine, page));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page)
    {
        // SDM 3D, EBLOCK: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        ref EpcmEntry entry = ref machine.Epcm.Entry(page);

        // SDM 3D, EBLOCK: EPCM(DS:RCX).VALID = 0.
        if (!entry.Valid)
        {
            return LeafResult.Of(SgxError.PgInvld);
        }

        // SDM 3D, EBLOCK: only PT_REG, PT_TCS and PT_TRIM can be blocked.
        if (entry.PageType is not (PageType.Reg or PageType.Tcs or PageType.Trim))
        {
            return LeafResult.Of(entry.PageType == PageType.Secs ? SgxError.PgIsSecs : SgxError.Notblockable);
        }

        // SDM 3D, EBLOCK: blocked already.
        if (entry.Blocked)
        {
            return LeafResult.Of(SgxError.Blkstate);
        }

        entry.Blocked = true;
        entry.TrackEpoch = machine.EnclaveOf(entry.EnclaveSecs).Epoch;
        return LeafResult.Success;
    }
}
