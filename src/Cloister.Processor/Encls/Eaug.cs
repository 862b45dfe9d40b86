using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[EAUG]: adds a zeroed, pending page to an initialised enclave. SDM 3D, EAUG.
/// PT_SS_FIRST and PT_SS_REST are refused as on a processor without CET.
/// </summary>
public static class Eaug
{
    /// <summary>What a page is once it was added: a regular one, readable and writable, pending. SDM 3D, EAUG.</summary>
    public const SecinfoFlags AddedPage = SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Reg | SecinfoFlags.Pending;

    /// <summary>Executes the leaf.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="secs">PAGEINFO.SECS.</param>
    /// <param name="address">PAGEINFO.LINADDR.</param>
    /// <param name="secinfo">PAGEINFO.SECINFO; null for 0, which makes a regular page with R and W.</param>
    /// <param name="page">A free EPC page.</param>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, in Secinfo? secinfo, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Eaug, page, address, machine.Injected(EnclsLeaf.Eaug)
            ?? Run(machine, secs, address, secinfo.HasValue, page));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage secs, LinearAddress address, bool hasSecinfo, EpcPage page)
    {
        // SDM 3D, ENCLS: EAX is an invalid leaf number.
        if (!machine.Options.Sgx2)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EAUG: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EAUG: TMP_LINADDR is not 4 KiB aligned.
        if (!address.IsPageAligned)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EAUG: DS:TMP_SECS does not resolve within an EPC; EPCM(DS:RCX).VALID = 1.
        if (!machine.Epcm.Contains(secs) || machine.Epcm[page].Valid)
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EAUG: a SECINFO is for shadow stack pages only, and those need CET.
        if (hasSecinfo)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EAUG: the SECS is not valid, or not PT_SECS.
        if (!machine.IsSecs(secs))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EAUG: the enclave is not initialised; TMP_LINADDR is outside it.
        ref readonly Secs control = ref machine.SecsOf(secs);
        if (!control.Attributes.Flags.HasFlag(AttributeFlags.Init) || address - new LinearAddress(control.BaseAddr) >= control.Size)
        {
            return LeafResult.GeneralProtection;
        }

        machine.Memory.Clear(page);
        machine.Claim(page, AddedPage, secs, address);
        return LeafResult.Success;
    }
}
