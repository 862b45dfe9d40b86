using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>The checks that EENTER and ERESUME share, in the manual's order. SDM 3D, EENTER and ERESUME.</summary>
internal static class TcsOperand
{
    public static LeafResult? Find(SgxMachine machine, Registers registers, ILinearMemory memory, out EpcPage page)
    {
        var address = new LinearAddress(registers.Rbx);
        page = EpcPage.None;

        // SDM 3D, EENTER: DS:RBX is not 4 KiB aligned.
        if (!address.IsPageAligned)
        {
            return machine.Refuse(LeafRule.OperandAligned, address.Value, LinearAddress.PageSize);
        }

        // SDM 3D, EENTER: DS:RBX does not resolve within an EPC.
        if (AccessCheck.Translate(memory, address, AccessKind.Read, out page) is { } fault)
        {
            return LeafResult.Of(fault);
        }

        // SDM 3D, EENTER: the AEP is not canonical.
        if (!new LinearAddress(registers.Rcx).IsCanonical)
        {
            return machine.Refuse(LeafRule.AepCanonical, registers.Rcx);
        }

        // SDM 3D, EENTER: VALID, BLOCKED, ENCLAVEADDRESS and PT, PENDING and MODIFIED.
        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        bool usable = entry is { Valid: true, Blocked: false, PageType: PageType.Tcs, Pending: false, Modified: false }
            && entry.EnclaveAddress == address;
        return usable ? Check(machine, machine.TcsOf(page), entry.EnclaveSecs) : LeafResult.Of(AccessCheck.EpcmFault(address, AccessKind.Read));
    }

    private static LeafResult? Check(SgxMachine machine, in Tcs tcs, EpcPage secsPage)
    {
        // SDM 3D, EENTER: OSSA, OFSBASE and OGSBASE are page aligned; no reserved flag.
        bool aligned = new LinearAddress(tcs.Ossa | tcs.Ofsbase | tcs.Ogsbase).IsPageAligned;
        if (!aligned || (tcs.Flags & ~(TcsFlags.Dbgoptin | TcsFlags.AexNotify)) != 0)
        {
            return aligned ? machine.Refuse(LeafRule.TcsFlags, (ulong)tcs.Flags) : machine.Refuse(LeafRule.TcsAligned, tcs.Ossa | tcs.Ofsbase | tcs.Ogsbase, LinearAddress.PageSize);
        }

        // SDM 3D, EENTER: the enclave is initialised, and of this processor's mode, which is 64 bits.
        Attributes attributes = machine.SecsOf(secsPage).Attributes;
        if (!attributes.Flags.HasFlag(AttributeFlags.Init) || !attributes.Flags.HasFlag(AttributeFlags.Mode64Bit))
        {
            return machine.Refuse(attributes.Flags.HasFlag(AttributeFlags.Init) ? LeafRule.Mode64 : LeafRule.Initialized, (ulong)attributes.Flags);
        }

        // SDM 3D, EENTER: XFRM is a subset of XCR0.
        if ((attributes.Xfrm & ~machine.Options.Xsave.Supported) != 0)
        {
            return machine.Refuse(LeafRule.XfrmWithinXcr0, attributes.Xfrm, machine.Options.Xsave.Supported);
        }

        // SDM 3D, EENTER: without debug opt-in AEXNOTIFY is the same in the TCS and in the SECS.
        bool agree = tcs.Flags.HasFlag(TcsFlags.AexNotify) == attributes.Flags.HasFlag(AttributeFlags.AexNotify);
        return agree || tcs.Flags.HasFlag(TcsFlags.Dbgoptin) ? null : machine.Refuse(LeafRule.AexNotifyAgrees, (ulong)tcs.Flags, (ulong)attributes.Flags);
    }
}
