namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EMODPE]. SDM 3D, EMODPE.</summary>
public static class Emodpe
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
