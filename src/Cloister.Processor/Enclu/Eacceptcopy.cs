namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EACCEPTCOPY]. SDM 3D, EACCEPTCOPY.</summary>
public static class Eacceptcopy
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
