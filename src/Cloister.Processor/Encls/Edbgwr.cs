using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EDBGWR]: writes 8 bytes of a debug enclave. SDM 3D, EDBGWR, in 64-bit mode.</summary>
public static class Edbgwr
{
    // SDM 3D, "TCS": the offset of FLAGS.
    private const int TcsFlagsOffset = 8;

    /// <summary>Executes the leaf.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="page">The page.</param>
    /// <param name="offsetInPage">A multiple of 8 from 0 to 4088; of a TCS only 8, FLAGS.</param>
    /// <param name="value">The bytes.</param>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, int offsetInPage, ulong value)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LinearAddress address = machine.Epcm.Contains(page) ? machine.Epcm[page].EnclaveAddress : default;
        return machine.Tell(EnclsLeaf.Edbgwr, page, address, Run(machine, page, offsetInPage, value));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page, int offset, ulong value)
    {
        // SDM 3D, EDBGWR: DS:RCX is not 8-byte aligned.
        if (offset % 8 != 0 || offset is < 0 or >= LinearAddress.PageSize)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EDBGWR: not in the EPC, not valid, or neither PT_REG nor PT_TCS.
        if (!machine.Epcm.Contains(page) || machine.Epcm[page] is not { Valid: true, PageType: PageType.Reg or PageType.Tcs })
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EDBGWR: EPCM(DS:RCX).PENDING or MODIFIED.
        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        if (entry.Pending || entry.Modified)
        {
            return LeafResult.Of(SgxError.PageNotDebuggable);
        }

        // SDM 3D, EDBGWR: of a TCS only FLAGS; then: the enclave does not allow debugging.
        if ((entry.PageType == PageType.Tcs && offset != TcsFlagsOffset)
            || !machine.SecsOf(entry.EnclaveSecs).Attributes.Flags.HasFlag(AttributeFlags.Debug))
        {
            return LeafResult.GeneralProtection;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(machine.Memory[page][offset..], value);
        return LeafResult.Success;
    }
}
