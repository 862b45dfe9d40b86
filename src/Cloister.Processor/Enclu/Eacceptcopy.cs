using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>
/// ENCLU[EACCEPTCOPY]: accepts a new page and fills it from another. SDM 3D, EACCEPTCOPY.
/// RBX is a SECINFO, RCX the new page, RDX the one to copy.
/// </summary>
public static class Eacceptcopy
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Eacceptcopy) is { } refusal)
        {
            return refusal;
        }

        var address = new LinearAddress(processor.Registers.Rcx);
        LeafResult result = LeafSteps.Injected(machine, processor, memory, EncluLeaf.Eacceptcopy)
            ?? Run(machine, processor, memory, address);
        if (result.Status != LeafStatus.Fault)
        {
            LeafSteps.Complete(processor.Registers, result.Error);
        }

        return LeafSteps.Tell(machine, processor, EncluLeaf.Eacceptcopy, address, result);
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, LinearAddress address)
    {
        var secinfoAddress = new LinearAddress(processor.Registers.Rbx);
        var sourceAddress = new LinearAddress(processor.Registers.Rdx);

        // SDM 3D, EACCEPTCOPY: alignment of the three operands, then CR_ELRANGE.
        bool legal = secinfoAddress.IsAlignedTo(Secinfo.SizeInBytes) && address.IsPageAligned && sourceAddress.IsPageAligned
            && processor.InElrange(secinfoAddress) && processor.InElrange(address) && processor.InElrange(sourceAddress);
        if (!legal)
        {
            return secinfoAddress.IsAlignedTo(Secinfo.SizeInBytes) && address.IsPageAligned && sourceAddress.IsPageAligned
                ? machine.Refuse(LeafRule.OperandInElrange, address.Value, processor.EnclaveBase.Value)
                : machine.Refuse(LeafRule.OperandAligned, address.Value, LinearAddress.PageSize);
        }

        // SDM 3D, EACCEPTCOPY: DS:RBX, DS:RCX, DS:RDX do not resolve within an EPC, in this order.
        Fault? fault = AccessCheck.Translate(memory, secinfoAddress, AccessKind.Read, out _);
        fault ??= AccessCheck.Translate(memory, address, AccessKind.Write, out _);
        fault ??= AccessCheck.Translate(memory, sourceAddress, AccessKind.Read, out _);
        if (fault is { } unresolved)
        {
            return LeafResult.Of(unresolved);
        }

        // SDM 3D, EACCEPTCOPY: the SECINFO's page; its reserved fields, W without R, PT_REG.
        if (Operand.FindSecinfo(machine, processor, memory, secinfoAddress, out Secinfo secinfo) is { } refusal)
        {
            return refusal;
        }

        if (!Operand.ReservedIsZero(secinfo) || secinfo.PageType != PageType.Reg
            || (secinfo.Flags & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W)
        {
            return !Operand.ReservedIsZero(secinfo) ? machine.Refuse(LeafRule.SecinfoReserved)
                : machine.Refuse(secinfo.PageType == PageType.Reg ? LeafRule.WriteNeedsRead : LeafRule.SecinfoState, (ulong)secinfo.Flags);
        }

        // SDM 3D, EACCEPTCOPY: the source page. (The text names EPCM(DS:RCX).R there, for EPCM(DS:RDX).R.)
        if (AccessCheck.Check(machine, processor.Secs, memory, sourceAddress, AccessKind.Read, out EpcPage source) is { } sourceFault)
        {
            return LeafResult.Of(sourceFault);
        }

        // SDM 3D, EACCEPTCOPY: the destination is a pending regular page with R and W at this address.
        EpcPage page = memory.Walk(address, AccessKind.Write).Page;
        ref EpcmEntry entry = ref machine.Epcm.Entry(page);
        bool pending =
            entry is { Valid: true, Pending: true, Modified: false, Blocked: false, PageType: PageType.Reg, R: true, W: true, X: false }
            && entry.EnclaveSecs == processor.Secs && entry.EnclaveAddress == address;
        if (!pending)
        {
            return machine.Refuse(SgxError.PageAttributesMismatch, LeafRule.PageAttributes, (ulong)secinfo.Flags,
                (ulong)entry.SecinfoFlags);
        }

        machine.Memory[source].CopyTo(machine.Memory[page]);
        entry.Permissions = secinfo.Permissions;
        entry.Pending = false;
        return LeafResult.Success;
    }
}
