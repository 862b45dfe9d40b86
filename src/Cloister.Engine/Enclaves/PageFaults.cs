using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>The kernel's handler of page faults on the device's mappings.</summary>
internal sealed class PageFaults(ISgxDriver driver)
{
    // A page that is inserted and still faults is a defect of ours; the thread must not spin.
    private const int MostRetries = 1000;

    private readonly PerThread<FaultState> _states = new();

    /// <summary>The kernel's page fault handler: true when the page is there now.</summary>
    public bool Resolve(TracedThread thread, in Fault fault)
    {
        AddressSpace space = thread.Space;
        var code = (PageFaultErrorCode)fault.ErrorCode;
        if (space.Mappings.Find(fault.Address.Value) is not { } mapping || (code & PageFaultErrorCode.Sgx) != 0)
        {
            // arch/x86/mm/fault.c, access_error: a fault with the SGX bit is never resolved.
            return false;
        }

        AccessKind access = (code & PageFaultErrorCode.InstructionFetch) != 0 ? AccessKind.Execute
            : (code & PageFaultErrorCode.Write) != 0 ? AccessKind.Write : AccessKind.Read;
        if (IsRefused(mapping, access))
        {
            return false;
        }

        PageTableEntry before = space.Pages.Peek(fault.Address.Value);
        bool resolved = (code & PageFaultErrorCode.Present) != 0
            ? mapping.Grants(access) && !AddressSpace.Allows(before, access) && Relax(thread, mapping, fault.Address, access)
            : Load(thread, mapping, fault.Address, access) == VmFault.NoPage;
        return resolved && Answered(thread, fault.Address, before);
    }

    /// <summary>Whether a mapping refuses an access before the driver is asked (arch/x86/mm/fault.c, access_error).</summary>
    /// <remarks>Execution is not asked about: the page comes in, and the fetch faults again at an entry that is present then.</remarks>
    public static bool IsRefused(EnclaveMapping mapping, AccessKind access) => access == AccessKind.Write ? !mapping.Grants(access)
        : !mapping.IsAccessible;

    /// <summary>An entry allows less than its mapping: the driver decides. True when the access can be tried again.</summary>
    public bool Relax(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        if (access != AccessKind.Write || mapping.File.Enclave is not { } enclave)
        {
            return Load(thread, mapping, address, access) == VmFault.NoPage;
        }

        VmFault result = driver.Legacy?.WriteFault(enclave, address) ?? VmFault.NoPage;
        NoteSigbus(thread, result == VmFault.Sigbus);
        if (result == VmFault.NoPage)
        {
            thread.Space.MakeWritable(address.PageBase);
        }

        return result == VmFault.NoPage;
    }

    /// <summary>A page that is not installed.</summary>
    public VmFault Load(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        VmFault result = mapping.File switch
        {
            { Enclave: { } enclave } => driver.Fault(enclave, thread.Space, address, access, (Protection)mapping.Protection),
            { VirtualEpc: { } virtualEpc } => driver.Fault(virtualEpc, thread.Space, address, mapping.OffsetOf(address.PageBase.Value),
                (Protection)mapping.Protection),
            _ => VmFault.Sigbus,
        };
        NoteSigbus(thread, result == VmFault.Sigbus);
        return result;
    }

    /// <summary>Notes that a fault was answered; false when the same was answered over and over and nothing came of it.</summary>
    /// <param name="thread">The thread, at the instruction that faulted.</param>
    /// <param name="address">Where.</param>
    /// <param name="before">The page's entry before the answer: what changed it is progress, however often it is taken back.</param>
    public bool Answered(TracedThread thread, LinearAddress address, in PageTableEntry before)
    {
        (ulong, ulong) place = (thread.Peek().Rip, address.Value);
        FaultState state = _states.Of(thread);
        bool stays = place == state.Place && before.IsLike(thread.Space.Pages.Peek(address.Value));
        (state.Place, state.Retries) = (place, stays ? state.Retries + 1 : 0);
        return state.Retries < MostRetries;
    }

    /// <summary>Says whether the next exception that the thread is given for a page fault is a SIGBUS.</summary>
    public void NoteSigbus(TracedThread thread, bool isSigbus) => _states.Of(thread).IsSigbus = isSigbus;

    /// <summary>Whether the exception that a thread is given now is a SIGBUS, where it is a page fault's.</summary>
    public bool TakeSigbus(TracedThread thread)
    {
        bool isSigbus = _states.Find(thread) is { IsSigbus: true };
        if (isSigbus)
        {
            NoteSigbus(thread, false);
        }

        return isSigbus;
    }

    /// <summary>A thread has ended.</summary>
    public void Forget(TracedThread thread) => _states.Forget(thread);

    private sealed class FaultState
    {
        // Faults in a row that were answered without the thread getting on, and where.
        public int Retries;
        public (ulong Rip, ulong Address) Place;

        // What the driver said to the last.
        public bool IsSigbus;
    }
}
