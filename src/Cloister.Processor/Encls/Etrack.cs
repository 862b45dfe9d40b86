using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ETRACK]. SDM 3D, ETRACK.</summary>
public static class Etrack
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs)
        => throw new NotImplementedException();
}
