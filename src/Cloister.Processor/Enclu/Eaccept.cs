namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EACCEPT]. SDM 3D, EACCEPT.</summary>
public static class Eaccept
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
