namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[ERESUME]. SDM 3D, ERESUME.</summary>
public static class Eresume
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
