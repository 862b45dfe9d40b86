using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EMODT]. SDM 3D, EMODT.</summary>
public static class Emodt
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, in Secinfo secinfo)
        => throw new NotImplementedException();
}
