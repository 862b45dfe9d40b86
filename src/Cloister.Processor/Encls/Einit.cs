using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EINIT]. SDM 3D, EINIT.</summary>
public static class Einit
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, ReadOnlySpan<byte> sigstruct, ReadOnlySpan<byte> einittoken, EpcPage secs)
        => throw new NotImplementedException();
}
