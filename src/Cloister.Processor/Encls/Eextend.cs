using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[EEXTEND]: measures 256 bytes of an enclave that is not initialised. SDM 3D, EEXTEND.
/// The SECS is the page's own, so "DS:RBX does not resolve to TMP_SECS" does not occur.
/// </summary>
public static class Eextend
{
    /// <summary>Executes the leaf on one chunk.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="page">The page.</param>
    /// <param name="offsetInPage">Where the chunk begins, a multiple of 256 from 0 to 3840.</param>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, int offsetInPage)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LeafResult result = Run(machine, page, offsetInPage, Measurement.ChunkSize, out LinearAddress address);
        return machine.Tell(EnclsLeaf.Eextend, page, address, result);
    }

    /// <summary>Executes the leaf on the 16 chunks of a page, in order. The observer hears of it once.</summary>
    public static LeafResult ExecutePage(SgxMachine machine, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LeafResult result = Run(machine, page, 0, LinearAddress.PageSize, out LinearAddress address);
        return machine.Tell(EnclsLeaf.Eextend, page, address, result);
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page, int offset, int length, out LinearAddress address)
    {
        address = default;

        // SDM 3D, EEXTEND: DS:RCX is not 256-byte aligned.
        if (offset % Measurement.ChunkSize != 0 || offset is < 0 or >= LinearAddress.PageSize)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EEXTEND: not in the EPC; EPCM(DS:RCX).VALID = 0; PT is neither PT_REG nor PT_TCS.
        if (!machine.Epcm.Contains(page) || machine.Epcm[page] is not { Valid: true, PageType: PageType.Reg or PageType.Tcs })
        {
            return LeafResult.PageFault;
        }

        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        address = entry.EnclaveAddress + (ulong)offset;

        // SDM 3D, EEXTEND: the enclave is initialised already.
        if (machine.EnclaveOf(entry.EnclaveSecs).Measurement is not { } measurement)
        {
            return LeafResult.GeneralProtection;
        }

        ulong enclaveBase = machine.SecsOf(entry.EnclaveSecs).BaseAddr;
        measurement.Eextend(address.Value - enclaveBase, machine.Memory.Contents(page).Slice(offset, length));
        machine.Observer.Measured(page, address, length);
        return LeafResult.Success;
    }
}
