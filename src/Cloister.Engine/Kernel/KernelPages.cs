using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Engine.Kernel;

/// <summary>The pages of an enclave of the kernel's driver, for who looks at them.</summary>
internal readonly struct KernelPages(SgxMachine machine, KernelEnclave enclave)
{
    /// <summary>Alike ones in a row as one, in the order of their addresses.</summary>
    public IReadOnlyList<EnclavePages> Rows(LinearAddress from, LinearAddress last)
    {
        var rows = new List<EnclavePages>();
        foreach (ulong number in enclave.Pages.Keys.Where(number => number >= from.Value >> 12 && number <= last.Value >> 12).Order())
        {
            EnclavePages page = Describe(enclave.Pages[number], new LinearAddress(number << 12));
            if (rows.Count > 0 && rows[^1].IsContinuedBy(page))
            {
                rows[^1] = rows[^1] with { Count = rows[^1].Count + 1 };
            }
            else
            {
                rows.Add(page);
            }
        }

        return rows;
    }

    private EnclavePages Describe(in KernelPage page, LinearAddress address)
    {
        var most = (Protection)(page.Permissions & SecinfoFlags.PermissionMask);
        if (page.Epc.IsNone || machine.Epcm[page.Epc] is not { Valid: true } entry)
        {
            return new EnclavePages(address, 1, page.Type, 0, false, false, most);
        }

        return new EnclavePages(address, 1, entry.PageType, entry.SecinfoFlags & ~SecinfoFlags.PageTypeMask, entry.Blocked, true, most);
    }
}
