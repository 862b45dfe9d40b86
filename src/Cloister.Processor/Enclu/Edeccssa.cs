namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EDECCSSA]. SDM 3D, EDECCSSA.</summary>
public static class Edeccssa
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
