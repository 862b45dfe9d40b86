using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ERDINFO]. SDM 3D, ERDINFO.</summary>
public static class Erdinfo
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, out Rdinfo rdinfo)
        => throw new NotImplementedException();
}
