using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ELDB]. SDM 3D, ELDB.</summary>
public static class Eldb
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, ReadOnlySpan<byte> source, ReadOnlySpan<byte> pcmd, EpcPage vaPage, int slot, EpcPage page)
        => throw new NotImplementedException();
}
