namespace Cloister.Processor.Enclu;

/// <summary>The ENCLU instruction. SDM 3D, "ENCLU".</summary>
public static class EncluInstruction
{
    /// <summary>Bytes of the instruction: 0f 01 d7.</summary>
    public const int Length = 3;

    /// <summary>Executes the leaf whose number is in EAX; RIP is that of the instruction.</summary>
    public static LeafResult Dispatch(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
