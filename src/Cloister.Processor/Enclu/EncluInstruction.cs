using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>The ENCLU instruction. SDM 3D, "ENCLU".</summary>
public static class EncluInstruction
{
    /// <summary>Bytes of the instruction.</summary>
    public const int Length = 3;

    /// <summary>The instruction. SDM 3D, ENCLU.</summary>
    public static ReadOnlySpan<byte> Opcode => [0x0f, 0x01, 0xd7];

    private const ulong ArithmeticFlags = Registers.CarryFlag | Registers.ParityFlag | Registers.AuxiliaryFlag
        | Registers.ZeroFlag | Registers.SignFlag | Registers.OverflowFlag;

    /// <summary>Executes the leaf whose number is in EAX; RIP is that of the instruction.</summary>
    public static LeafResult Dispatch(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        ArgumentNullException.ThrowIfNull(processor);
        return (EncluLeaf)(uint)processor.Registers.Rax switch
        {
            EncluLeaf.Ereport => Ereport.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Egetkey => Egetkey.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Eenter => Eenter.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Eresume => Eresume.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Eexit => Eexit.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Eaccept => Eaccept.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Emodpe => Emodpe.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Eacceptcopy => Eacceptcopy.Execute(machine, processor, memory, extendedState),
            EncluLeaf.Edeccssa => Edeccssa.Execute(machine, processor, memory, extendedState),

            // SDM 3D, ENCLU: EAX is an invalid leaf number.
            _ => LeafResult.GeneralProtection,
        };
    }

    /// <summary>What every leaf checks first. SDM 3D, ENCLU.</summary>
    internal static LeafResult? Refuse(SgxMachine machine, LogicalProcessor processor, EncluLeaf leaf)
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
        return offered && processor.EnclaveMode != entering ? null : LeafResult.GeneralProtection;
    }

    /// <summary>A leaf that has an error code ended: RAX and the flags say how, and RIP goes on.</summary>
    internal static void Complete(Registers registers, SgxError error)
    {
        registers.Rax = (ulong)error;
        registers.Rflags = (registers.Rflags & ~ArithmeticFlags) | (error == SgxError.Success ? 0 : Registers.ZeroFlag);
        Advance(registers);
    }

    /// <summary>A leaf that has no error code ended.</summary>
    internal static void Advance(Registers registers) => registers.Rip += Length;

    /// <summary>Tells the observer, completes a leaf that has an error code, and passes the result on.</summary>
    internal static LeafResult Tell(SgxMachine machine, LogicalProcessor processor, EncluLeaf leaf, LinearAddress address, LeafResult result)
    {
        machine.Observer.EncluExecuted(leaf, processor, address, result);
        return result;
    }
}
