using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ELDUC]. SDM 3D, ELDUC.</summary>
public static class Elduc
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, ReadOnlySpan<byte> source, ReadOnlySpan<byte> pcmd, EpcPage vaPage, int slot, EpcPage page)
        => throw new NotImplementedException();
}
