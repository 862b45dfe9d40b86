using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>The kernel's handler of page faults on the device's mappings.</summary>
internal sealed class PageFaults(Tracer tracer)
{
    // A page that is inserted and still faults is a defect of ours; the thread must not spin.
    private const int MostRetries = 1000;

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
        if (IsRefused(mapping, access) || !Bounded(thread, fault.Address))
        {
            return false;
        }

        if ((code & PageFaultErrorCode.Present) != 0)
        {
            return mapping.Grants(access) && !AddressSpace.Allows(space.Pages.Peek(fault.Address.Value), access) && Relax(thread, mapping, fault.Address, access);
        }

        return Load(thread, mapping, fault.Address, access) == VmFault.NoPage;
    }

    /// <summary>Whether a mapping refuses an access before the driver is asked (arch/x86/mm/fault.c, access_error).</summary>
    /// <remarks>Execution is not asked about: the page comes in, and the fetch faults again at an entry that is present then.</remarks>
    public static bool IsRefused(EnclaveMapping mapping, AccessKind access) => access == AccessKind.Write ? !mapping.Grants(access) : !mapping.IsAccessible;

    /// <summary>An entry allows less than its mapping: the driver decides. True when the access can be tried again.</summary>
    public bool Relax(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        if (access != AccessKind.Write || mapping.File.Enclave is not { } enclave)
        {
            return Load(thread, mapping, address, access) == VmFault.NoPage;
        }

        VmFault result = tracer.Driver.WriteFault(enclave, address);
        thread.SigbusFault = result == VmFault.Sigbus;
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
            { Enclave: { } enclave } => tracer.Driver.Fault(enclave, thread.Space, address, access, (Protection)mapping.Protection),
            { VirtualEpc: { } virtualEpc } => tracer.Driver.Fault(virtualEpc, thread.Space, address, mapping.OffsetOf(address.PageBase.Value), (Protection)mapping.Protection),
            _ => VmFault.Sigbus,
        };
        thread.SigbusFault = result == VmFault.Sigbus;
        return result;
    }

    /// <summary>Whether an access may be tried once more.</summary>
    public static bool Bounded(TracedThread thread, LinearAddress address)
    {
        (ulong, ulong) place = (thread.Peek().Rip, address.Value);
        thread.Retries = place == thread.RetryPlace ? thread.Retries + 1 : 0;
        thread.RetryPlace = place;
        return thread.Retries < MostRetries;
    }
}
