namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EGETKEY]. SDM 3D, EGETKEY.</summary>
public static class Egetkey
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
