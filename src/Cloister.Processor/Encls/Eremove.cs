using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EREMOVE]. SDM 3D, EREMOVE.</summary>
public static class Eremove
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
        => throw new NotImplementedException();
}
