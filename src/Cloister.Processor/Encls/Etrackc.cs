using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ETRACKC]: ETRACK for the enclave of any page. SDM 3D, ETRACKC.</summary>
public static class Etrackc
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Etrackc, page, default, Run(machine, page));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page)
    {
        // SDM 3D, ENCLS: EAX is an invalid leaf number.
        if (!machine.Options.Oversubscription)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, ETRACKC: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        ref readonly EpcmEntry entry = ref machine.Epcm[page];

        // SDM 3D, ETRACKC: EPCM(DS:RCX).VALID = 0.
        if (!entry.Valid)
        {
            return LeafResult.Of(SgxError.PgInvld);
        }

        // SDM 3D, ETRACKC: a page without an enclave needs no tracking.
        if (entry.PageType == PageType.Va)
        {
            return LeafResult.Of(SgxError.TrackNotRequired);
        }

        // SDM 3D, ETRACKC: every processor must have completed the previous cycle.
        EpcPage secs = entry.PageType == PageType.Secs ? page : entry.EnclaveSecs;
        return machine.EnclaveOf(secs).Track() ? LeafResult.Success : LeafResult.Of(SgxError.PrevTrkIncmpl);
    }
}
