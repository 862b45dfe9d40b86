using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;

namespace Cloister.Processor.Enclu;

/// <summary>Operands of leaves that lie in the enclave.</summary>
internal static class Operand
{
    /// <summary>An operand of a leaf: aligned, in the enclave's range, in a regular page with the permission.</summary>
    public static LeafResult? Find(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, LinearAddress address,
        int alignment, AccessKind access, out Span<byte> bytes)
    {
        bytes = default;

        // SDM 3D, EREPORT and others: the operand is not aligned, or not within CR_ELRANGE.
        if (!address.IsAlignedTo(alignment) || !processor.InElrange(address))
        {
            return address.IsAlignedTo(alignment)
                ? machine.Refuse(LeafRule.OperandInElrange, address.Value, processor.EnclaveBase.Value)
                : machine.Refuse(LeafRule.OperandAligned, address.Value, (ulong)alignment);
        }

        // SDM 3D, EREPORT and others: not in the EPC, not valid, blocked, pending, modified, not PT_REG, of another enclave,
        // at another address, or without the permission.
        if (AccessCheck.Check(machine, processor.Secs, memory, address, access, out EpcPage page) is { } fault)
        {
            return LeafResult.Of(fault);
        }

        bytes = machine.Memory[page][address.PageOffset..];
        return null;
    }

    /// <summary>The SECINFO operand of EACCEPT, EACCEPTCOPY and EMODPE. Its reserved fields are not looked at.</summary>
    public static LeafResult? FindSecinfo(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, LinearAddress address,
        out Secinfo secinfo)
    {
        LeafResult? refusal = Find(machine, processor, memory, address, Secinfo.SizeInBytes, AccessKind.Read, out Span<byte> bytes);
        secinfo = refusal is null ? MemoryMarshal.Read<Secinfo>(bytes) : default;
        return refusal;
    }

    /// <summary>Whether a SECINFO's reserved fields are zero.</summary>
    public static bool ReservedIsZero(in Secinfo secinfo) => SecinfoCheck.ReservedIsZero(secinfo);
}
