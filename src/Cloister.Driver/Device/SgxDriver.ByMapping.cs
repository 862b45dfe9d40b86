using Cloister.Architecture;

namespace Cloister.Driver;

/// <content>
/// The drivers before v20, where an enclave belongs to a mapping. For them each mapping of the device is a file of its
/// own to this driver: <see cref="Open"/> when it is made, <see cref="Release(SgxEnclave)"/> when it goes.
/// </content>
public sealed partial class SgxDriver
{
    /// <summary>Whether an enclave belongs to a mapping of the device and not to its open file.</summary>
    public bool BindsToMapping => State.Rules.BindsToMapping;

    /// <summary>
    /// A part of the mapping is unmapped, or all of it (sgx_vma_close): the enclave is dead. What page tables still show
    /// can be used until it faults; nothing more comes.
    /// </summary>
    /// <param name="enclave">The mapping's file.</param>
    /// <param name="addressSpace">Where it is mapped.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">The address behind the last.</param>
    public void Unmapped(SgxEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress end)
    {
        State.ThrowIfStrange(enclave);
        ArgumentNullException.ThrowIfNull(addressSpace);
        if (State.Rules.BindsToMapping)
        {
            enclave.Holes.Add(new MappedRange(addressSpace, start, end));
            enclave.IsDead |= enclave.IsCreated;
        }
    }

    /// <summary>What a program registered for exceptions on its ENCLU instruction, or null.</summary>
    /// <param name="addressSpace">The program's address space.</param>
    public EncluHandler? EncluHandlerOf(IAddressSpace addressSpace)
    {
        ArgumentNullException.ThrowIfNull(addressSpace);
        return State.EncluHandlers.TryGetValue(addressSpace, out var handler) ? handler : null;
    }

    /// <summary>
    /// The machine is about to lose power (sgx_encl_pm_notifier of the drivers before v20): every enclave is killed, and
    /// each call on it says SGX_POWER_LOST_ENCLAVE from now on. Later generations take no notice: their leaves fault when
    /// the EPC is gone, and the program hears EIO, EFAULT or a page fault with the SGX bit.
    /// </summary>
    public void PrepareSuspend()
    {
        if (State.Rules.BindsToMapping)
        {
            State.ForEachEnclave(enclave =>
            {
                if (enclave.IsCreated)
                {
                    _services.Memory.Invalidate(enclave);
                    enclave.IsSuspended = true;
                }
            });
        }
    }

    /// <summary>
    /// The worker threads that add queued pages in the drivers before v20: called when the programs leave time. INIT
    /// waits for them in any case.
    /// </summary>
    /// <param name="budget">Pages at most.</param>
    /// <returns>True when there is more to do.</returns>
    public bool RunWorkers(int budget)
    {
        bool isIdle = true;
        State.ForEachEnclave(enclave => isIdle &= _services.Worker.Run(enclave, ref budget));
        return !isIdle;
    }
}
