using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EPA]. SDM 3D, EPA.</summary>
public static class Epa
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
        => throw new NotImplementedException();
}
