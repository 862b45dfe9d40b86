using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[EWB]: writes a page out of the EPC, encrypted, and its version into a slot of a VA page. SDM 3D, EWB.
/// It alone has an error code that does not stop it: with SGX_VA_SLOT_OCCUPIED the page is evicted all the same.
/// </summary>
public static class Ewb
{
    /// <summary>Slots in a VA page. SDM 3D, "Version Array".</summary>
    public const int Slots = 512;

    /// <summary>Executes the leaf.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="page">The page to evict.</param>
    /// <param name="vaPage">The VA page.</param>
    /// <param name="slot">The slot, 0 to 511.</param>
    /// <param name="destination">4096 bytes: PAGEINFO.SRCPGE.</param>
    /// <param name="pcmd">128 bytes: PAGEINFO.PCMD.</param>
    /// <param name="address">PAGEINFO.LINADDR as the leaf leaves it: where the page was, 0 for a SECS and a VA page.</param>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, EpcPage vaPage, int slot, Span<byte> destination, Span<byte> pcmd,
        out LinearAddress address)
    {
        ArgumentNullException.ThrowIfNull(machine);
        LeafResult result = Run(machine, page, vaPage, slot, destination, pcmd, out address);
        return machine.Tell(EnclsLeaf.Ewb, page, address, result);
    }

    private static LeafResult Run(SgxMachine machine, EpcPage page, EpcPage vaPage, int slot, Span<byte> destination, Span<byte> pcmd,
        out LinearAddress address)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)Slots, nameof(slot));
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, LinearAddress.PageSize, nameof(destination));
        ArgumentOutOfRangeException.ThrowIfNotEqual(pcmd.Length, Pcmd.SizeInBytes, nameof(pcmd));
        address = default;

        // SDM 3D, EWB: DS:RCX, then DS:RDX, does not resolve within an EPC.
        if (!machine.Epcm.Contains(page) || !machine.Epcm.Contains(vaPage))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EWB: both resolve to the same page.
        if (page == vaPage)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EWB: EPCM(DS:RCX).VALID = 0; the slot is not in a valid PT_VA page.
        ref EpcmEntry entry = ref machine.Epcm.Entry(page);
        if (!entry.Valid || machine.Epcm[vaPage] is not { Valid: true, PageType: PageType.Va })
        {
            return LeafResult.PageFault;
        }

        ulong boundEid = 0;
        Pcmd metadata = new() { Secinfo = new Secinfo(entry.SecinfoFlags) };
        switch (entry.PageType)
        {
            case PageType.Secs:
                // SDM 3D, EWB: a SECS only when no page of the enclave is left in the EPC.
                if (machine.EnclaveOf(page).ChildCount != 0)
                {
                    return LeafResult.Of(SgxError.ChildPresent);
                }

                metadata.EnclaveId = machine.EnclaveOf(page).Eid;
                break;
            case PageType.Va:
                break;
            default:
                // SDM 3D, EWB: the page is not blocked; then: tracking is not complete.
                if (!entry.Blocked)
                {
                    return LeafResult.Of(SgxError.PageNotBlocked);
                }

                EnclaveRecord enclave = machine.EnclaveOf(entry.EnclaveSecs);
                if (!enclave.IsTracked(entry.TrackEpoch))
                {
                    return LeafResult.Of(SgxError.NotTracked);
                }

                boundEid = enclave.Eid;
                metadata.EnclaveId = enclave.Eid;
                break;
        }

        address = entry.EnclaveAddress;
        ulong version = machine.NextVersion();
        PagingMetadata.Encrypt(machine, version, boundEid, address, metadata, machine.Memory.Contents(page), destination, metadata.Mac);
        MemoryMarshal.Write(pcmd, in metadata);

        ref ulong slotVersion = ref MemoryMarshal.Cast<byte, ulong>(machine.Memory[vaPage])[slot];
        bool occupied = slotVersion != 0;
        slotVersion = version;
        if (entry.PageType == PageType.Secs)
        {
            machine.RemoveEnclave(page, evicted: true);
        }

        machine.Release(page);

        // SDM 3D, EWB: an occupied slot is overwritten, and told of with CF = 1.
        return occupied ? LeafResult.Of(SgxError.VaSlotOccupied) : LeafResult.Success;
    }
}
