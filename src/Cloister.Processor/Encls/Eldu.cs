using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ELDU]. SDM 3D, ELDU.</summary>
public static class Eldu
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, ReadOnlySpan<byte> source, ReadOnlySpan<byte> pcmd, EpcPage vaPage, int slot, EpcPage page)
        => throw new NotImplementedException();
}
