using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EDBGRD]: reads 8 bytes of a debug enclave. SDM 3D, EDBGRD, in 64-bit mode.</summary>
public static class Edbgrd
{
    /// <summary>SGX_TCS_LIMIT: the end of the fields of a TCS, in bytes; without CET that is GSLIMIT's end. SDM 3D, EDBGRD.</summary>
    public const int TcsLimit = 72;

    /// <summary>Executes the leaf.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="page">The page.</param>
    /// <param name="offsetInPage">A multiple of 8 from 0 to 4088.</param>
    /// <param name="value">The bytes; for a VA page all ones when the slot is occupied, else 0.</param>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, int offsetInPage, out ulong value)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LinearAddress address = machine.Epcm.Contains(page) ? machine.Epcm[page].EnclaveAddress : default;
        return machine.Tell(EnclsLeaf.Edbgrd, page, address, Run(machine, page, offsetInPage, out value));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page, int offset, out ulong value)
    {
        value = 0;

        // SDM 3D, EDBGRD: DS:RCX is not 8-byte aligned.
        if (offset % 8 != 0 || offset is < 0 or >= LinearAddress.PageSize)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EDBGRD: not in the EPC, not valid, or neither PT_REG, PT_TCS nor PT_VA.
        if (!machine.Epcm.Contains(page)
            || machine.Epcm[page] is not { Valid: true, PageType: PageType.Reg or PageType.Tcs or PageType.Va })
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EDBGRD: EPCM(DS:RCX).PENDING or MODIFIED.
        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        if (entry.Pending || entry.Modified)
        {
            return LeafResult.Of(SgxError.PageNotDebuggable);
        }

        // SDM 3D, EDBGRD: beyond the fields of a TCS.
        if (entry.PageType == PageType.Tcs && offset >= TcsLimit)
        {
            return LeafResult.GeneralProtection;
        }

        ulong content = BinaryPrimitives.ReadUInt64LittleEndian(machine.Memory.Contents(page)[offset..]);
        if (entry.PageType == PageType.Va)
        {
            // SDM 3D, EDBGRD: of a version only whether there is one.
            value = (content & ~7UL) != 0 ? ulong.MaxValue : 0;
            return LeafResult.Success;
        }

        // SDM 3D, EDBGRD: the enclave does not allow debugging.
        if (!machine.SecsOf(entry.EnclaveSecs).Attributes.Flags.HasFlag(AttributeFlags.Debug))
        {
            return LeafResult.GeneralProtection;
        }

        value = content;
        return LeafResult.Success;
    }
}
