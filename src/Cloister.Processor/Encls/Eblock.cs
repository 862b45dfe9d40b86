using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EBLOCK]. SDM 3D, EBLOCK.</summary>
public static class Eblock
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
        => throw new NotImplementedException();
}
