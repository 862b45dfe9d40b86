using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ECREATE]. SDM 3D, ECREATE.</summary>
public static class Ecreate
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, ReadOnlySpan<byte> sourceSecs, in Secinfo secinfo, EpcPage page)
        => throw new NotImplementedException();
}
