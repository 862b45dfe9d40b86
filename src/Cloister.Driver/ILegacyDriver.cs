using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>What only drivers have that were never merged, or not as they were posted: their generations alone give it a meaning.</summary>
public interface ILegacyDriver
{
    /// <summary>Whether an enclave belongs to a mapping of the device and not to its open file: the drivers before v20.</summary>
    bool BindsToMapping { get; }

    /// <summary>A part of the mapping is unmapped, or all of it (sgx_vma_close).</summary>
    /// <param name="enclave">The mapping's file.</param>
    /// <param name="addressSpace">Where it is mapped.</param>
    /// <param name="start">First address.</param>
    /// <param name="limit">The address behind the last.</param>
    void Unmapped(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit);

    /// <summary>A write to a page that is installed, but not for writing, in a mapping that allows writing (sgx_vma_pfn_mkwrite).</summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="address">The address that was written.</param>
    /// <returns>NoPage when the entry is to be made writable, as the kernel does by itself where the driver has no say.</returns>
    VmFault WriteFault(IOpenEnclave enclave, LinearAddress address);

    /// <summary>What a program registered for exceptions on its ENCLU instruction, or null.</summary>
    /// <param name="addressSpace">The program's address space.</param>
    EncluHandler? EncluHandlerOf(IAddressSpace addressSpace);

    /// <summary>The machine is about to lose power (sgx_encl_pm_notifier).</summary>
    void PrepareSuspend();

    /// <summary>The worker threads that add queued pages: called when the programs leave time.</summary>
    /// <param name="budget">Pages at most.</param>
    /// <returns>True when there is more to do.</returns>
    bool RunWorkers(int budget);

    /// <summary>add_key("enclave_execdirty", ...).</summary>
    /// <param name="text">As for <see cref="ExecuteDirtyPolicy.Add"/>.</param>
    /// <returns>ENODEV where there is no such key, EINVAL for a text that is not understood, or none.</returns>
    DriverError AddExecuteDirtyKey(string text);

    /// <summary>MAP_POPULATE or MADV_WILLNEED on a mapping of an enclave.</summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="addressSpace">Where it is mapped.</param>
    /// <param name="start">First address, page aligned.</param>
    /// <param name="limit">The address behind the last.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    /// <returns>What ended it: none, EINVAL before EINIT, EBUSY when there is no room, EFAULT.</returns>
    DriverError Populate(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit, Protection mapping);
}
