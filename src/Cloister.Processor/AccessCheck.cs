using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>The check on every access that an enclave's thread makes. SDM 3D, "Access-control Requirements".</summary>
public static class AccessCheck
{
    /// <summary>
    /// Null when the access is allowed, else the fault it raises. Outside the enclave's range null says only that SGX does not
    /// forbid it: what the page tables say of ordinary memory, and what an abort page reads as, is for the caller.
    /// </summary>
    public static Fault? Check(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, LinearAddress address,
        AccessKind access)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(processor);
        ArgumentNullException.ThrowIfNull(memory);
        if (!processor.EnclaveMode)
        {
            return null;
        }

        if (!processor.InElrange(address))
        {
            // SDM 3D, "Access-control Requirements": an enclave fetches no instruction outside its range.
            return access == AccessKind.Execute ? Fault.GeneralProtection : null;
        }

        return Check(machine, processor.Secs, memory, address, access, out _);
    }

    /// <summary>An access to a regular page in the range of an enclave.</summary>
    internal static Fault? Check(SgxMachine machine, EpcPage secs, ILinearMemory memory, LinearAddress address, AccessKind access,
        out EpcPage page)
    {
        if (Translate(memory, address, access, out page) is { } fault)
        {
            return fault;
        }

        // SDM 3D, "EPCM access checks": valid, not blocked, not pending, not modified, PT_REG, of this enclave, at this address,
        // and with the permission.
        return IsAccessible(machine.Epcm[page], secs, address, access) ? null : EpcmFault(address, access);
    }

    /// <summary>Whether the EPCM lets an enclave access a regular page.</summary>
    internal static bool IsAccessible(in EpcmEntry entry, EpcPage secs, LinearAddress address, AccessKind access)
        => entry is { Valid: true, Blocked: false, Pending: false, Modified: false, PageType: PageType.Reg }
            && entry.EnclaveSecs == secs
            && entry.EnclaveAddress == address.PageBase
            && access switch
            {
                AccessKind.Read => entry.R,
                AccessKind.Write => entry.W,
                _ => entry.X,
            };

    /// <summary>What the page tables say: an EPC page, or the fault.</summary>
    internal static Fault? Translate(ILinearMemory memory, LinearAddress address, AccessKind access, out EpcPage page)
    {
        PageWalk walk = memory.Walk(address, access);
        page = walk.Page;

        // SDM 3D, "Access-control Requirements": an address in the range must be a page of the EPC.
        return FaultOf(walk.Kind, address, access) ?? (walk.Kind == PageWalkKind.Epc ? null : EpcmFault(address, access));
    }

    /// <summary>
    /// What the page tables alone say of an access, which is all there is to an address
    /// outside the enclave's range: null when they allow it.
    /// </summary>
    public static Fault? CheckPageTables(ILinearMemory memory, LinearAddress address, AccessKind access)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return FaultOf(memory.Walk(address, access).Kind, address, access);
    }

    // SDM 3A, "Page-Fault Exception": P is clear when the entry is not present, whatever else stands against the access.
    private static Fault? FaultOf(PageWalkKind kind, LinearAddress address, AccessKind access) => kind switch
    {
        PageWalkKind.NotPresent => Fault.PageFault(address, Code(access)),
        PageWalkKind.Denied => Fault.PageFault(address, Code(access) | PageFaultErrorCode.Present),
        _ => null,
    };

    /// <summary>#PF because of the EPCM. SDM 3A, "Page-Fault Exception": the SGX bit.</summary>
    internal static Fault EpcmFault(LinearAddress address, AccessKind access)
        => Fault.PageFault(address, Code(access) | PageFaultErrorCode.Present | PageFaultErrorCode.Sgx);

    private static PageFaultErrorCode Code(AccessKind access) => PageFaultErrorCode.User | access switch
    {
        AccessKind.Read => 0,
        AccessKind.Write => PageFaultErrorCode.Write,
        _ => PageFaultErrorCode.InstructionFetch,
    };
}
