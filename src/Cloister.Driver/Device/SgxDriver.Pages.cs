using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Pages;
using Cloister.Processor.Encls;

namespace Cloister.Driver;

/// <summary>The pages of an enclave, for who looks at them.</summary>
public sealed partial class SgxDriver
{
    /// <summary>The pages of an enclave in the order of their addresses, alike ones in a row as one.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="from">Linear address where to begin.</param>
    /// <param name="to">Linear address of the last page of interest.</param>
    public IEnumerable<EnclavePages> PagesOf(SgxEnclave enclave, LinearAddress from, LinearAddress to)
    {
        State.ThrowIfStrange(enclave);
        EnclavePages row = default;
        ulong last = to.Value >> 12;
        for (ulong number = from.Value >> 12; enclave.Pages.TryNext(ref number, last); number++)
        {
            EnclavePages page = Describe(in enclave.Pages.TryGet(number, out _), new LinearAddress(number << 12));
            if (row.Count > 0 && row.IsContinuedBy(page))
            {
                row = row with { Count = row.Count + 1 };
                continue;
            }

            if (row.Count > 0)
            {
                yield return row;
            }

            row = page;
        }

        if (row.Count > 0)
        {
            yield return row;
        }
    }

    /// <summary>The EPC page that an enclave has at an address; none while it is written out, or where there is no page.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="address">The linear address.</param>
    public EpcPage EpcPageAt(SgxEnclave enclave, LinearAddress address)
    {
        State.ThrowIfStrange(enclave);
        ref EnclavePage page = ref enclave.Pages.TryGet(address.Value >> 12, out bool exists);
        return exists && page.IsResident ? page.Epc : EpcPage.None;
    }

    /// <summary>Reads a page of an enclave, in the EPC or written out, and leaves it where it is.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="address">The page.</param>
    /// <param name="contents">4096 bytes.</param>
    /// <param name="secinfo">Its type, permissions and state.</param>
    /// <returns>False where there is no page, it is gone with the power, or its backing is spoilt.</returns>
    public bool TryRead(SgxEnclave enclave, LinearAddress address, Span<byte> contents, out SecinfoFlags secinfo)
    {
        State.ThrowIfStrange(enclave);
        secinfo = default;
        ref EnclavePage page = ref enclave.Pages.TryGet(address.Value >> 12, out bool exists);
        return exists && TryRead(enclave, in page, enclave.Eid, address.PageBase, contents, out secinfo);
    }

    /// <summary>Reads the SECS of an enclave, in the EPC or written out, and leaves it where it is.</summary>
    public bool TryReadSecs(SgxEnclave enclave, out Secs secs)
    {
        State.ThrowIfStrange(enclave);
        Span<byte> contents = stackalloc byte[LinearAddress.PageSize];
        bool known = TryRead(enclave, in enclave.Secs, 0, default, contents, out _);
        secs = known ? MemoryMarshal.Read<Secs>(contents) : default;
        return known;
    }

    private bool TryRead(SgxEnclave enclave, in EnclavePage page, ulong eid, LinearAddress address, Span<byte> contents,
        out SecinfoFlags secinfo)
    {
        secinfo = default;
        if (page.IsResident)
        {
            if (Machine.Epcm[page.Epc] is not { Valid: true } entry)
            {
                return false;
            }

            secinfo = entry.SecinfoFlags;
            Machine.Memory.Contents(page.Epc).CopyTo(contents);
            return true;
        }

        if (page.Backing == EnclavePage.None || page.VersionSlot / VaPage.SlotCount >= enclave.Versions.Pages.Count
            || !enclave.Backing.Fetch(page.Backing))
        {
            return false;
        }

        (EpcPage vaPage, int slot) = enclave.Versions.Find(page.VersionSlot);
        return EvictedPage.TryRead(Machine, eid, address, enclave.Backing.Contents(page.Backing), enclave.Backing.Pcmd(page.Backing),
            vaPage, slot, contents, out secinfo);
    }

    private EnclavePages Describe(in EnclavePage page, LinearAddress address)
    {
        if (!page.IsResident || Machine.Epcm[page.Epc] is not { Valid: true } entry)
        {
            return new EnclavePages(address, 1, page.Type, 0, false, false, page.MaximumProtection);
        }

        SecinfoFlags state = entry.SecinfoFlags & ~SecinfoFlags.PageTypeMask;
        return new EnclavePages(address, 1, entry.PageType, state, entry.Blocked, true, page.MaximumProtection);
    }
}
