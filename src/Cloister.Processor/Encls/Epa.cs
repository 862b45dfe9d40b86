using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EPA]: makes an empty version array. SDM 3D, EPA. RBX = PT_VA is in the name.</summary>
public static class Epa
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Epa, page, default, Run(machine, page));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page)
    {
        // SDM 3D, EPA: DS:RCX does not resolve within an EPC, or EPCM(DS:RCX).VALID = 1.
        if (!machine.Epcm.Contains(page) || machine.Epcm[page].Valid)
        {
            return LeafResult.PageFault;
        }

        machine.Memory[page].Clear();
        machine.Claim(page, SecinfoFlags.Va, EpcPage.None, default);
        return LeafResult.Success;
    }
}
