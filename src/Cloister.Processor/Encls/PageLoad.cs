using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ELDB, ELDU, ELDBC and ELDUC: loads an evicted page. SDM 3D, ELDB/ELDU/ELDBC/ELDUC, one flow for all four.</summary>
internal static class PageLoad
{
    public static LeafResult Run(SgxMachine machine, bool blocked, EpcPage secs, LinearAddress address, ReadOnlySpan<byte> source,
        ReadOnlySpan<byte> pcmd, EpcPage vaPage, int slot, EpcPage page)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)Ewb.Slots, nameof(slot));
        ArgumentOutOfRangeException.ThrowIfNotEqual(source.Length, LinearAddress.PageSize, nameof(source));
        ArgumentOutOfRangeException.ThrowIfNotEqual(pcmd.Length, Pcmd.SizeInBytes, nameof(pcmd));

        // SDM 3D, ELDx: DS:RCX, then DS:RDX, does not resolve within an EPC.
        if (!machine.Epcm.Contains(page) || !machine.Epcm.Contains(vaPage))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, ELDx: EPCM(DS:RCX).VALID = 1; the slot is not in a valid PT_VA page.
        if (machine.Epcm[page].Valid || machine.Epcm[vaPage] is not { Valid: true, PageType: PageType.Va })
        {
            return LeafResult.PageFault;
        }

        Pcmd metadata = MemoryMarshal.Read<Pcmd>(pcmd);
        PageType type = metadata.Secinfo.PageType;
        bool isChild = type is PageType.Reg or PageType.Tcs or PageType.Trim;
        ulong eid = 0;
        if (isChild)
        {
            // SDM 3D, ELDx: the SECS must be a valid one.
            if (!machine.IsSecs(secs))
            {
                return LeafResult.PageFault;
            }

            eid = machine.EnclaveOf(secs).Eid;
        }
        else if (!secs.IsNone)
        {
            // SDM 3D, ELDx: a SECS and a VA page have no SECS.
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, ELDx: the page, its metadata, address, enclave and version must be those of EWB.
        ref ulong version = ref MemoryMarshal.Cast<byte, ulong>(machine.Memory[vaPage])[slot];
        Span<byte> plain = stackalloc byte[LinearAddress.PageSize];
        if (!PagingMetadata.Decrypt(machine, version, eid, address, metadata, source, plain))
        {
            return LeafResult.Of(SgxError.MacCompareFail);
        }

        machine.Memory.Fill(page, plain);
        version = 0;
        ref EpcmEntry entry = ref machine.Claim(page, metadata.Secinfo.Flags, isChild ? secs : EpcPage.None, address);
        if (isChild && blocked)
        {
            entry.Blocked = true;
            entry.TrackEpoch = machine.EnclaveOf(secs).Epoch;
        }

        if (type == PageType.Secs)
        {
            machine.AddEnclave(page, machine.ExtensionOf(page).Eid, measurement: null);
        }

        return LeafResult.Success;
    }
}
