using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EMODPE]: extends a page's permissions. SDM 3D, EMODPE. RBX is a SECINFO and RCX the page.</summary>
public static class Emodpe
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Emodpe) is { } refusal)
        {
            return refusal;
        }

        var address = new LinearAddress(processor.Registers.Rcx);
        LeafResult result = Run(machine, processor, memory, address);
        if (result.IsSuccess)
        {
            LeafSteps.Advance(processor.Registers);
        }

        return LeafSteps.Tell(machine, processor, EncluLeaf.Emodpe, address, result);
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, LinearAddress address)
    {
        var secinfoAddress = new LinearAddress(processor.Registers.Rbx);

        // SDM 3D, EMODPE: alignment of both operands, then CR_ELRANGE.
        bool legal = secinfoAddress.IsAlignedTo(Secinfo.SizeInBytes) && address.IsPageAligned
            && processor.InElrange(secinfoAddress) && processor.InElrange(address);
        if (!legal)
        {
            return secinfoAddress.IsAlignedTo(Secinfo.SizeInBytes) && address.IsPageAligned
                ? machine.Refuse(LeafRule.OperandInElrange, address.Value, processor.EnclaveBase.Value)
                : machine.Refuse(LeafRule.OperandAligned, address.Value, LinearAddress.PageSize);
        }

        // SDM 3D, EMODPE: DS:RBX, then DS:RCX, does not resolve within an EPC.
        Fault? fault = AccessCheck.Translate(memory, secinfoAddress, AccessKind.Read, out _);
        fault ??= AccessCheck.Translate(memory, address, AccessKind.Read, out _);
        if (fault is { } unresolved)
        {
            return LeafResult.Of(unresolved);
        }

        // SDM 3D, EMODPE: the SECINFO's page; its reserved fields.
        if (Operand.FindSecinfo(machine, processor, memory, secinfoAddress, out Secinfo secinfo) is { } refusal)
        {
            return refusal;
        }

        if (!Operand.ReservedIsZero(secinfo))
        {
            return machine.Refuse(LeafRule.SecinfoReserved);
        }

        // SDM 3D, EMODPE: the page is valid, not pending, modified or blocked, PT_REG, of this enclave, at this address.
        EpcPage page = memory.Walk(address, AccessKind.Read).Page;
        ref EpcmEntry entry = ref machine.Epcm.Entry(page);
        bool extendable = entry is { Valid: true, Pending: false, Modified: false, Blocked: false, PageType: PageType.Reg }
            && entry.EnclaveSecs == processor.Secs && entry.EnclaveAddress == address;
        if (!extendable)
        {
            return LeafResult.Of(AccessCheck.EpcmFault(address, AccessKind.Read));
        }

        // SDM 3D, EMODPE: W without R.
        SecinfoFlags permissions = entry.Permissions | secinfo.Permissions;
        if (!entry.R && (secinfo.Flags & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W)
        {
            return machine.Refuse(LeafRule.WriteNeedsRead, (ulong)secinfo.Flags, (ulong)entry.SecinfoFlags);
        }

        entry.Permissions = permissions;
        return LeafResult.Success;
    }
}
