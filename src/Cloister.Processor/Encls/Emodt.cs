using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EMODT]: makes a page of an initialised enclave a TCS, or trims it. SDM 3D, EMODT.</summary>
public static class Emodt
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, in Secinfo secinfo)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LinearAddress address = machine.Epcm.Contains(page) ? machine.Epcm[page].EnclaveAddress : default;
        return machine.Tell(EnclsLeaf.Emodt, page, address, machine.Injected(EnclsLeaf.Emodt) ?? Run(machine, page, secinfo));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page, in Secinfo secinfo)
    {
        // SDM 3D, ENCLS: EAX is an invalid leaf number.
        if (!machine.Options.Sgx2)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EMODT: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EMODT: SECINFO reserved fields; PT_TCS or PT_TRIM.
        if (!SecinfoCheck.ReservedIsZero(secinfo) || secinfo.PageType is not (PageType.Tcs or PageType.Trim))
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EMODT: EPCM(DS:RCX).VALID = 0; only PT_REG becomes anything, and PT_TCS becomes PT_TRIM.
        ref EpcmEntry entry = ref machine.Epcm.Entry(page);
        bool possible = entry.PageType == PageType.Reg || (entry.PageType == PageType.Tcs && secinfo.PageType == PageType.Trim);
        if (!entry.Valid || !possible)
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EMODT: EPCM(DS:RCX).PENDING or MODIFIED.
        if (entry.Pending || entry.Modified)
        {
            return LeafResult.Of(SgxError.PageNotModifiable);
        }

        // SDM 3D, EMODT: the enclave is not initialised.
        if (!machine.SecsOf(entry.EnclaveSecs).Attributes.Flags.HasFlag(AttributeFlags.Init))
        {
            return LeafResult.GeneralProtection;
        }

        entry.Pr = false;
        entry.Modified = true;
        entry.Permissions = SecinfoFlags.None;
        entry.PageType = secinfo.PageType;
        entry.TrackEpoch = machine.EnclaveOf(entry.EnclaveSecs).Epoch;
        return LeafResult.Success;
    }
}
