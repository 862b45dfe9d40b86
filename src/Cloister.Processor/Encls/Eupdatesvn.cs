using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[EUPDATESVN]: takes over the CPUSVN of a microcode update and renews the keys of this power cycle.
/// Intel's "EUPDATESVN" specification, and Linux's use of it (arch/x86/kernel/cpu/sgx, 6.18). Entropy never lacks here.
/// </summary>
public static class Eupdatesvn
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Eupdatesvn, EpcPage.None, default, Run(machine));
    }

    private static LeafResult Run(SgxMachine machine)
    {
        // SDM 3D, ENCLS: EAX is an invalid leaf number.
        if (!machine.Options.Eupdatesvn)
        {
            return LeafResult.GeneralProtection;
        }

        // EUPDATESVN: no EPC page may be valid.
        if (machine.ValidPages != 0)
        {
            return LeafResult.Of(SgxError.EpcNotReady);
        }

        // EUPDATESVN: CPUSVN is the newest already.
        ReadOnlySpan<byte> newer = machine.Options.UpdatedCpusvn.Span;
        if (newer.IsEmpty || machine.Cpusvn.SequenceEqual(newer))
        {
            return LeafResult.Of(SgxError.NoUpdate);
        }

        machine.UpdateCpusvn(newer);
        return LeafResult.Success;
    }
}
