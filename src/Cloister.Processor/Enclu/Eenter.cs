namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EENTER]. SDM 3D, EENTER.</summary>
public static class Eenter
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
