using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ETRACKC]. SDM 3D, ETRACKC.</summary>
public static class Etrackc
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page)
        => throw new NotImplementedException();
}
