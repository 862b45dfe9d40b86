using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EMODPR]. SDM 3D, EMODPR.</summary>
public static class Emodpr
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, in Secinfo secinfo)
        => throw new NotImplementedException();
}
