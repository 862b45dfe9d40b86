using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EWB]. SDM 3D, EWB.</summary>
public static class Ewb
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, EpcPage vaPage, int slot, Span<byte> destination, Span<byte> pcmd, out LinearAddress address)
        => throw new NotImplementedException();
}
