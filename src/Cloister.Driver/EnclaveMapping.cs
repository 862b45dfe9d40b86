using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>The rule for mappings of the enclave device (sgx_encl_may_map).</summary>
internal static class EnclaveMapping
{
    public static Errno MayMap(
        SgxEnclave enclave,
        LinearAddress start,
        LinearAddress end,
        Protection protection,
        bool readImpliesExecute)
    {
        // Linux, sgx_encl_may_map: an initialised enclave is not mapped outside its range.
        if (enclave.IsInitialized
            && (start < enclave.Base || end.Value > enclave.Base.Value + enclave.Size))
        {
            return Errno.EACCES;
        }

        // Linux, sgx_encl_may_map: such a task's mappings would have more than they say.
        if (readImpliesExecute)
        {
            return Errno.EACCES;
        }

        if (protection == Protection.None)
        {
            return Errno.None;
        }

        // Linux, sgx_encl_may_map: no page in the range may have been built with less. Holes allow everything.
        ulong last = (end.Value - 1) >> 12;
        for (ulong page = start.Value >> 12; enclave.Pages.TryNext(ref page, last); page++)
        {
            if ((protection & ~enclave.Pages.TryGet(page, out _).MaximumProtection) != 0)
            {
                return Errno.EACCES;
            }
        }

        return Errno.None;
    }
}
