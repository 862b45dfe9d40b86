using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EREMOVE]: takes a page out of the EPC. SDM 3D, EREMOVE.</summary>
public static class Eremove
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (!machine.Epcm.Contains(page) || machine.Epcm[page] is { Valid: false })
        {
            // An unused page is nobody's, whatever its entry says of who had it.
            return machine.Tell(EnclsLeaf.Eremove, EpcPage.None, default, Ordered(machine) ?? Run(machine, page));
        }

        LinearAddress address = machine.Epcm[page].EnclaveAddress;
        return machine.Tell(EnclsLeaf.Eremove, page, address, Ordered(machine) ?? Run(machine, page));
    }

    private static LeafResult? Ordered(SgxMachine machine) => machine.Injected(EnclsLeaf.Eremove);

    private static LeafResult Run(SgxMachine machine, EpcPage page)
    {
        // SDM 3D, EREMOVE: DS:RCX does not resolve to an EPC page.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        ref readonly EpcmEntry entry = ref machine.Epcm[page];

        // SDM 3D, EREMOVE: nothing to do for an unused page.
        if (!entry.Valid)
        {
            return LeafResult.Success;
        }

        // SDM 3D, EREMOVE: a SECS only when no page of the enclave is left in the EPC.
        if (entry.PageType == PageType.Secs)
        {
            if (machine.EnclaveOf(page).ChildCount != 0)
            {
                return LeafResult.Of(SgxError.ChildPresent);
            }

            machine.RemoveEnclave(page, evicted: false);
        }
        else if (entry is not ({ PageType: PageType.Va } or { PageType: PageType.Trim, Modified: false })
            && machine.EnclaveOf(entry.EnclaveSecs).Inside.Count != 0)
        {
            // SDM 3D, EREMOVE: threads are inside. A VA page and a trimmed page that was accepted go all the same.
            return LeafResult.Of(SgxError.EnclaveAct);
        }

        machine.Release(page);
        return LeafResult.Success;
    }
}
