namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EREPORT]. SDM 3D, EREPORT.</summary>
public static class Ereport
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
