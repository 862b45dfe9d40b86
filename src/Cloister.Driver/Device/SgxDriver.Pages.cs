using Cloister.Architecture;

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
