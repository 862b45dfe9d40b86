using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[ERDINFO]: reads a page's type and state. SDM 3D, ERDINFO.
/// ENCLAVECONTEXT, on hardware the physical address of the SECS, is the number of its EPC page times 4096.
/// </summary>
public static class Erdinfo
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, out Rdinfo rdinfo)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Erdinfo, page, default, Run(machine, page, out rdinfo));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page, out Rdinfo rdinfo)
    {
        rdinfo = default;

        // SDM 3D, ENCLS: EAX is an invalid leaf number.
        if (!machine.Options.Oversubscription)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, ERDINFO: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.Of(SgxError.PgNonepc);
        }

        // SDM 3D, ERDINFO: EPCM(DS:RCX).VALID = 0.
        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        if (!entry.Valid)
        {
            return LeafResult.Of(SgxError.PgInvld);
        }

        rdinfo.Flags = (ulong)entry.SecinfoFlags | (entry.Blocked ? Rdinfo.Blocked : 0);
        EpcPage secs = entry.PageType == PageType.Secs ? page : entry.EnclaveSecs;
        if (!secs.IsNone)
        {
            rdinfo.EnclaveContext = (ulong)secs.Index * LinearAddress.PageSize;
        }

        if (entry.PageType == PageType.Secs && machine.EnclaveOf(page).ChildCount != 0)
        {
            rdinfo.Status = Rdinfo.ChildPresent;
        }

        return LeafResult.Success;
    }
}
