using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>
/// ENCLU[EACCEPT]: accepts what the system did to a page. SDM 3D, EACCEPT. RBX is a SECINFO and RCX the page.
/// PT_SS_FIRST and PT_SS_REST are refused as on a processor without CET.
/// </summary>
public static class Eaccept
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Eaccept) is { } refusal)
        {
            return refusal;
        }

        var address = new LinearAddress(processor.Registers.Rcx);
        LeafResult result = LeafSteps.Injected(machine, processor, memory, EncluLeaf.Eaccept) ?? Run(machine, processor, memory, address);
        if (result.Status != LeafStatus.Fault)
        {
            LeafSteps.Complete(processor.Registers, result.Error);
        }

        return LeafSteps.Tell(machine, processor, EncluLeaf.Eaccept, address, result);
    }

    /// <summary>
    /// The flags of the SECINFO with which EACCEPT of a page by its enclave succeeds now; 0 where there is none, or where more than the
    /// flags decides.
    /// </summary>
    public static SecinfoFlags Awaited(SgxMachine machine, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        if (!IsAcceptable(entry) || entry.PageType == PageType.Tcs || !machine.EnclaveOf(entry.EnclaveSecs).IsTracked(entry.TrackEpoch))
        {
            return SecinfoFlags.None;
        }

        return IsLegal(new Secinfo { Flags = entry.SecinfoFlags }) ? entry.SecinfoFlags : SecinfoFlags.None;
    }

    /// <summary>The leaf succeeded on a page without this being asked: what <see cref="Awaited"/> said was compared elsewhere.</summary>
    public static void Follow(SgxMachine machine, LogicalProcessor processor, LinearAddress address, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        Accept(ref machine.Epcm.Entry(page));
        _ = LeafSteps.Tell(machine, processor, EncluLeaf.Eaccept, address, LeafResult.Success);
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, LinearAddress address)
    {
        // SDM 3D, EACCEPT: the SECINFO's address and page.
        var secinfoAddress = new LinearAddress(processor.Registers.Rbx);
        if (Operand.FindSecinfo(machine, processor, memory, secinfoAddress, out Secinfo secinfo) is { } refusal)
        {
            return refusal;
        }

        // SDM 3D, EACCEPT: SECINFO reserved fields; DS:RCX aligned and within CR_ELRANGE.
        if (!Operand.ReservedIsZero(secinfo) || !address.IsPageAligned || !processor.InElrange(address))
        {
            return !Operand.ReservedIsZero(secinfo) ? machine.Refuse(LeafRule.SecinfoReserved)
                : address.IsPageAligned ? machine.Refuse(LeafRule.OperandInElrange, address.Value, processor.EnclaveBase.Value)
                : machine.Refuse(LeafRule.OperandAligned, address.Value, LinearAddress.PageSize);
        }

        // SDM 3D, EACCEPT: DS:RCX does not resolve within an EPC.
        if (AccessCheck.Translate(memory, address, AccessKind.Read, out EpcPage page) is { } fault)
        {
            return LeafResult.Of(fault);
        }

        // SDM 3D, EACCEPT: the combination of PT, PR, PENDING and MODIFIED is legal.
        if (!IsLegal(secinfo))
        {
            return machine.Refuse(LeafRule.SecinfoState, (ulong)secinfo.Flags);
        }

        // SDM 3D, EACCEPT: the page is valid, not blocked, of a type that can be accepted, of this enclave.
        ref EpcmEntry entry = ref machine.Epcm.Entry(page);
        if (!IsAcceptable(entry) || entry.EnclaveSecs != processor.Secs)
        {
            return LeafResult.Of(AccessCheck.EpcmFault(address, AccessKind.Read));
        }

        // SDM 3D, EACCEPT: the request matches the page. PR is not compared.
        const SecinfoFlags Compared = SecinfoFlags.PermissionMask | SecinfoFlags.Pending | SecinfoFlags.Modified
            | SecinfoFlags.PageTypeMask;
        if (entry.EnclaveAddress != address || (entry.SecinfoFlags & Compared) != (secinfo.Flags & Compared))
        {
            return machine.Refuse(SgxError.PageAttributesMismatch, LeafRule.PageAttributes, (ulong)secinfo.Flags,
                (ulong)entry.SecinfoFlags);
        }

        // SDM 3D, EACCEPT: the threads that were inside when the page changed have left.
        if (!machine.EnclaveOf(processor.Secs).IsTracked(entry.TrackEpoch))
        {
            return machine.Refuse(SgxError.NotTracked, LeafRule.Tracked);
        }

        // SDM 3D, EACCEPT: a new TCS is legal and idle.
        if (secinfo.PageType == PageType.Tcs && !IsIdle(machine, machine.TcsOf(page), processor.Secs))
        {
            return machine.Refuse(LeafRule.TcsIdle);
        }

        Accept(ref entry);
        return LeafResult.Success;
    }

    private static bool IsAcceptable(in EpcmEntry entry) =>
        entry is { Valid: true, Blocked: false, PageType: PageType.Reg or PageType.Tcs or PageType.Trim };

    private static void Accept(ref EpcmEntry entry)
    {
        entry.Pending = false;
        entry.Modified = false;
        entry.Pr = false;
    }

    private static bool IsLegal(in Secinfo secinfo)
    {
        SecinfoFlags state = secinfo.Flags & (SecinfoFlags.Pr | SecinfoFlags.Pending | SecinfoFlags.Modified);
        return secinfo.PageType switch
        {
            PageType.Reg => (state & SecinfoFlags.Modified) == 0 && state != 0,
            PageType.Tcs or PageType.Trim => state == SecinfoFlags.Modified,
            _ => false,
        };
    }

    // SDM 3D, EACCEPT: FLAGS.DBGOPTIN, AEP and STATE as EADD leaves them, and the stack of frames right. The manual has CSSA < NSSA
    // and prints that outside the IF for PT_TCS, where it would refuse every new page of zeroes. Processors accept a TCS of zeroes
    // as well, so CSSA 0 is right whatever NSSA is; that is what EADD leaves, too. Source: intel/sgx-emm's test_sgx_mm_types.
    // EENTER refuses CSSA >= NSSA.
    private static bool IsIdle(SgxMachine machine, in Tcs tcs, EpcPage secs)
        => TcsCheck.IsLegal(machine, tcs, machine.SecsOf(secs).Attributes)
            && !tcs.Flags.HasFlag(TcsFlags.Dbgoptin) && (tcs.Cssa == 0 || tcs.Cssa < tcs.Nssa) && tcs.Aep == 0 && tcs.State == 0;
}
