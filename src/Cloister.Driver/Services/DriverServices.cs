using Cloister.Driver.Enclaves;
using Cloister.Driver.Faults;
using Cloister.Driver.Reclaim;
using Cloister.Processor;

namespace Cloister.Driver.Services;

/// <summary>What calls on the devices work with: each of them takes from here what it needs, and none knows the driver.</summary>
internal sealed class DriverServices
{
    public DriverServices(DriverState state)
    {
        State = state;
        Epc = new EpcAllocator(state, new PageReclaimer(state));
        Memory = new EnclaveMemory(state, Epc);
        state.Invalidate = Memory.Invalidate;
        Loader = new EnclavePageLoader(state, Epc);
        Augment = new EnclaveAugment(state, Epc, Memory, Loader);
        Worker = new AddPageWorker(state, Epc, Memory);
    }

    public DriverState State { get; }

    public SgxMachine Machine => State.Machine;

    /// <summary>EPC pages, and ksgxd.</summary>
    public EpcAllocator Epc { get; }

    /// <summary>Growing, tracking and ending an enclave.</summary>
    public EnclaveMemory Memory { get; }

    /// <summary>Pages that were written out.</summary>
    public EnclavePageLoader Loader { get; }

    /// <summary>Pages added at run time.</summary>
    public EnclaveAugment Augment { get; }

    /// <summary>Pages that the drivers before v20 queue.</summary>
    public AddPageWorker Worker { get; }
}
