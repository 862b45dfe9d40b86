using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>The ENCLU instruction. SDM 3D, "ENCLU".</summary>
public static class EncluInstruction
{
    /// <summary>Bytes of the instruction.</summary>
    public const int Length = 3;

    /// <summary>The instruction. SDM 3D, ENCLU.</summary>
    public static ReadOnlySpan<byte> Opcode => [0x0f, 0x01, 0xd7];

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
            _ => machine.Refuse(LeafRule.Offered, (uint)processor.Registers.Rax),
        };
    }
}
