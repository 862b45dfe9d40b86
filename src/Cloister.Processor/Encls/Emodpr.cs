using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EMODPR]: restricts the permissions of a page of an initialised enclave. SDM 3D, EMODPR.</summary>
public static class Emodpr
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, in Secinfo secinfo)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LinearAddress address = machine.Epcm.Contains(page) ? machine.Epcm[page].EnclaveAddress : default;
        return machine.Tell(EnclsLeaf.Emodpr, page, address, machine.Injected(EnclsLeaf.Emodpr) ?? Run(machine, page, secinfo));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page, in Secinfo secinfo)
    {
        // SDM 3D, ENCLS: EAX is an invalid leaf number.
        if (!machine.Options.Sgx2)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EMODPR: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EMODPR: SECINFO reserved fields; W without R.
        if (!SecinfoCheck.ReservedIsZero(secinfo) || (secinfo.Flags & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EMODPR: EPCM(DS:RCX).VALID = 0.
        ref EpcmEntry entry = ref machine.Epcm.Entry(page);
        if (!entry.Valid)
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EMODPR: EPCM(DS:RCX).PENDING or MODIFIED.
        if (entry.Pending || entry.Modified)
        {
            return LeafResult.Of(SgxError.PageNotModifiable);
        }

        // SDM 3D, EMODPR: not PT_REG.
        if (entry.PageType != PageType.Reg)
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EMODPR: the enclave is not initialised.
        if (!machine.SecsOf(entry.EnclaveSecs).Attributes.Flags.HasFlag(AttributeFlags.Init))
        {
            return LeafResult.GeneralProtection;
        }

        entry.Pr = true;
        entry.Permissions &= secinfo.Permissions;
        entry.TrackEpoch = machine.EnclaveOf(entry.EnclaveSecs).Epoch;
        return LeafResult.Success;
    }
}
