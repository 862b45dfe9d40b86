using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>A TCS that is entered by, with what its EPCM entry leads to: found once, for one leaf. SDM 3D, EENTER and ERESUME.</summary>
internal readonly ref struct TcsOperand
{
    /// <summary>The TCS.</summary>
    public readonly ref Tcs Tcs;

    /// <summary>Its enclave's SECS.</summary>
    public readonly ref readonly Secs Secs;

    private TcsOperand(SgxMachine machine, EpcPage page)
    {
        (Page, SecsPage) = (page, machine.Epcm[page].EnclaveSecs);
        Tcs = ref machine.TcsOf(page);
        Secs = ref machine.SecsOf(SecsPage);
    }

    /// <summary>The page of the TCS.</summary>
    public EpcPage Page { get; }

    /// <summary>The page of the SECS.</summary>
    public EpcPage SecsPage { get; }

    /// <summary>A TCS that is known to be one, as of a thread that is inside.</summary>
    public static TcsOperand Of(SgxMachine machine, EpcPage page) => new(machine, page);

    /// <summary>The checks that EENTER and ERESUME share, in the manual's order.</summary>
    public static LeafResult? Find(SgxMachine machine, Registers registers, ILinearMemory memory, out TcsOperand operand)
    {
        var address = new LinearAddress(registers.Rbx);
        operand = default;

        // SDM 3D, EENTER: DS:RBX is not 4 KiB aligned.
        if (!address.IsPageAligned)
        {
            return machine.Refuse(LeafRule.OperandAligned, address.Value, LinearAddress.PageSize);
        }

        // SDM 3D, EENTER: DS:RBX does not resolve within an EPC.
        if (AccessCheck.Translate(memory, address, AccessKind.Read, out EpcPage page) is { } fault)
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
        if (!usable)
        {
            return LeafResult.Of(AccessCheck.EpcmFault(address, AccessKind.Read));
        }

        operand = Of(machine, page);
        return Check(machine, operand.Tcs, operand.Secs.Attributes);
    }

    /// <summary>The thread is inside from now on.</summary>
    public void Enter(SgxMachine machine, LogicalProcessor processor, LinearAddress address, LinearAddress aep) =>
        processor.Enter(machine.EnclaveOf(SecsPage), (Page, SecsPage), Secs, ref Tcs, address, aep);

    private static LeafResult? Check(SgxMachine machine, in Tcs tcs, Attributes attributes)
    {
        // SDM 3D, EENTER: OSSA, OFSBASE and OGSBASE are page aligned; no reserved flag.
        bool aligned = new LinearAddress(tcs.Ossa | tcs.Ofsbase | tcs.Ogsbase).IsPageAligned;
        if (!aligned || (tcs.Flags & ~(TcsFlags.Dbgoptin | TcsFlags.AexNotify)) != 0)
        {
            return aligned ? machine.Refuse(LeafRule.TcsFlags, (ulong)tcs.Flags)
                : machine.Refuse(LeafRule.TcsAligned, tcs.Ossa | tcs.Ofsbase | tcs.Ogsbase, LinearAddress.PageSize);
        }

        // SDM 3D, EENTER: the enclave is initialised, and of this processor's mode, which is 64 bits.
        if (!attributes.Flags.HasFlag(AttributeFlags.Init) || !attributes.Flags.HasFlag(AttributeFlags.Mode64Bit))
        {
            return machine.Refuse(attributes.Flags.HasFlag(AttributeFlags.Init) ? LeafRule.Mode64
                : LeafRule.Initialized, (ulong)attributes.Flags);
        }

        // SDM 3D, EENTER: XFRM is a subset of XCR0.
        if ((attributes.Xfrm & ~machine.Options.Xsave.Supported) != 0)
        {
            return machine.Refuse(LeafRule.XfrmWithinXcr0, attributes.Xfrm, machine.Options.Xsave.Supported);
        }

        // SDM 3D, EENTER: without debug opt-in AEXNOTIFY is the same in the TCS and in the SECS.
        bool agree = tcs.Flags.HasFlag(TcsFlags.AexNotify) == attributes.Flags.HasFlag(AttributeFlags.AexNotify);
        return agree || tcs.Flags.HasFlag(TcsFlags.Dbgoptin) ? null
            : machine.Refuse(LeafRule.AexNotifyAgrees, (ulong)tcs.Flags, (ulong)attributes.Flags);
    }
}
