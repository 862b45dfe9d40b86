using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EAUG]. SDM 3D, EAUG.</summary>
public static class Eaug
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, in Secinfo? secinfo, EpcPage page)
        => throw new NotImplementedException();
}
