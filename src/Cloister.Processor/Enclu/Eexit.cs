using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EEXIT]: leaves the enclave. SDM 3D, EEXIT, in 64-bit mode. RBX is where to.</summary>
public static class Eexit
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Eexit) is { } refusal)
        {
            return refusal;
        }

        var address = new LinearAddress(processor.Registers.Rbx);
        return LeafSteps.Tell(machine, processor, EncluLeaf.Eexit, address, Run(machine, processor, address));
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, LinearAddress target)
    {
        // SDM 3D, EEXIT: RBX is not canonical.
        if (!target.IsCanonical)
        {
            return machine.Refuse(LeafRule.TargetCanonical, target.Value);
        }

        processor.Registers.Rip = target.Value;
        processor.Registers.Rcx = processor.Aep.Value;
        processor.Leave(machine);
        return LeafResult.Success;
    }
}
