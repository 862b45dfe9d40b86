namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EEXIT]. SDM 3D, EEXIT.</summary>
public static class Eexit
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
        => throw new NotImplementedException();
}
