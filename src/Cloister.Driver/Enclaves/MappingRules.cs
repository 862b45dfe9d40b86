using System.Numerics;
using Cloister.Architecture;

namespace Cloister.Driver.Enclaves;

/// <summary>The rule for mappings of the enclave device (sgx_encl_may_map).</summary>
internal static class MappingRules
{
    /// <summary>
    /// mmap in the generations where an enclave belongs to a mapping (sgx_get_unmapped_area, sgx_mmap): a power of two
    /// of at least two pages, aligned to itself, and one mapping for each open file given to the driver.
    /// </summary>
    public static DriverError Bind(SgxEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress end)
    {
        ulong length = end - start;
        bool isValid = BitOperations.IsPow2(length)
            && length >= 2 * LinearAddress.PageSize
            && (start.Value & (length - 1)) == 0
            && enclave.Mapping is null;
        if (!isValid)
        {
            return DriverError.EINVAL;
        }

        enclave.Mapping = new MappedRange(addressSpace, start, end);
        return DriverError.None;
    }

    public static DriverError MayMap(
        GenerationRules rules,
        SgxEnclave enclave,
        LinearAddress start,
        LinearAddress end,
        Protection protection,
        bool readImpliesExecute)
    {
        // Linux 6.0, sgx_encl_may_map: an initialised enclave is not mapped outside its range.
        if (rules.MapsInsideOnly
            && enclave.IsInitialized
            && (start < enclave.Base || end.Value > enclave.Base.Value + enclave.Size))
        {
            return DriverError.EACCES;
        }

        // Linux, sgx_encl_may_map: such a task's mappings would have more than they say.
        if (readImpliesExecute)
        {
            return DriverError.EACCES;
        }

        if (protection == Protection.None)
        {
            return DriverError.None;
        }

        // Linux, sgx_encl_may_map: no page in the range may have less. Holes allow everything.
        ulong last = (end.Value - 1) >> 12;
        for (ulong page = start.Value >> 12; enclave.Pages.TryNext(ref page, last); page++)
        {
            if ((protection & ~enclave.Pages.TryGet(page, out _).RunProtection) != 0)
            {
                return DriverError.EACCES;
            }
        }

        return DriverError.None;
    }
}
