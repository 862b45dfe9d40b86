using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EADD]. SDM 3D, EADD.</summary>
public static class Eadd
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, in Secinfo secinfo, ReadOnlySpan<byte> source, EpcPage page)
        => throw new NotImplementedException();
}
