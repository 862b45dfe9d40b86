using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ETRACK]: begins a new tracking epoch of an enclave. SDM 3D, ETRACK.</summary>
public static class Etrack
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Etrack, secs, default, machine.Injected(EnclsLeaf.Etrack) ?? Run(machine, secs));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage secs)
    {
        // SDM 3D, ETRACK: not in the EPC, not valid, or not PT_SECS.
        if (!machine.IsSecs(secs))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, ETRACK: every processor must have completed the previous cycle.
        return machine.EnclaveOf(secs).Track() ? LeafResult.Success : LeafResult.Of(SgxError.PrevTrkIncmpl);
    }
}
