using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ELDBC]. SDM 3D, ELDBC.</summary>
public static class Eldbc
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, ReadOnlySpan<byte> source, ReadOnlySpan<byte> pcmd, EpcPage vaPage, int slot, EpcPage page)
        => throw new NotImplementedException();
}
