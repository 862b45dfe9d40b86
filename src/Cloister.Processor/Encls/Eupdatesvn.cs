namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EUPDATESVN]. SDM 3D, EUPDATESVN.</summary>
public static class Eupdatesvn
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine)
        => throw new NotImplementedException();
}
