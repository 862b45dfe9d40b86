using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>The interprocessor interrupt of the driver (on_each_cpu_mask with sgx_ipi_cb).</summary>
public interface IThreadKicker
{
    /// <summary>
    /// Makes every logical processor that is inside the enclave leave it by an asynchronous exit, before it returns.
    /// Cheap when none is inside.
    /// </summary>
    /// <param name="secs">The EPC page of the enclave's SECS.</param>
    void ForceExits(EpcPage secs);
}
