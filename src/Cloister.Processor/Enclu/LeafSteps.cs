using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>What all leaves of ENCLU do alike. SDM 3D, "ENCLU".</summary>
internal static class LeafSteps
{
    // SDM 3D, ENCLU, "Flags Affected" of its leaves.
    private const ulong ArithmeticFlags = Registers.CarryFlag | Registers.ParityFlag | Registers.AuxiliaryFlag
        | Registers.ZeroFlag | Registers.SignFlag | Registers.OverflowFlag;

    /// <summary>
    /// The code that a leaf gives by order; null where it is to be executed. One whose page is not there faults first, and is no occasion.
    /// </summary>
    public static LeafResult? Injected(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, EncluLeaf leaf)
    {
        if (!machine.Injects(leaf))
        {
            return machine.NotInjected();
        }

        var operand = new LinearAddress(leaf == EncluLeaf.Egetkey ? processor.Registers.Rbx : processor.Registers.Rcx);
        return AccessCheck.Translate(memory, operand, AccessKind.Read, out _) is null ? machine.Injected(leaf) : machine.NotInjected();
    }

    /// <summary>What every leaf checks first. SDM 3D, ENCLU.</summary>
    public static LeafResult? Refuse(SgxMachine machine, LogicalProcessor processor, EncluLeaf leaf)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(processor);

        // SDM 3D, ENCLU: EAX is an invalid leaf number.
        bool offered = leaf switch
        {
            EncluLeaf.Eaccept or EncluLeaf.Emodpe or EncluLeaf.Eacceptcopy => machine.Options.Sgx2,
            EncluLeaf.Edeccssa => machine.Options.Edeccssa,
            _ => true,
        };

        // SDM 3D, ENCLU: EENTER and ERESUME only outside, the others only inside.
        bool entering = leaf is EncluLeaf.Eenter or EncluLeaf.Eresume;
        return !offered ? machine.Refuse(LeafRule.Offered, (ulong)leaf)
            : processor.EnclaveMode == entering ? machine.Refuse(LeafRule.EnclaveMode, (ulong)leaf) : null;
    }

    /// <summary>A leaf that has an error code ended: RAX and the flags say how, and RIP goes on.</summary>
    public static void Complete(Registers registers, SgxError error)
    {
        registers.Rax = (ulong)error;
        registers.Rflags = (registers.Rflags & ~ArithmeticFlags) | (error == SgxError.Success ? 0 : Registers.ZeroFlag);
        Advance(registers);
    }

    /// <summary>A leaf that has no error code ended.</summary>
    public static void Advance(Registers registers) => registers.Rip += EncluInstruction.Length;

    /// <summary>Tells the observer, completes a leaf that has an error code, and passes the result on.</summary>
    public static LeafResult Tell(SgxMachine machine, LogicalProcessor processor, EncluLeaf leaf, LinearAddress address, LeafResult result)
    {
        machine.Observer.EncluExecuted(leaf, processor, address, result);
        return result;
    }
}
