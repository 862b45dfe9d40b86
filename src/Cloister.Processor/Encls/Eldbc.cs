using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[ELDBC]: loads an evicted page, blocked, telling conflicts by an error code. SDM 3D, ELDB/ELDU/ELDBC/ELDUC.</summary>
public static class Eldbc
{
    /// <summary>Executes the leaf.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="secs">PAGEINFO.SECS; none for a SECS and a VA page.</param>
    /// <param name="address">PAGEINFO.LINADDR.</param>
    /// <param name="source">4096 bytes: PAGEINFO.SRCPGE.</param>
    /// <param name="pcmd">128 bytes: PAGEINFO.PCMD.</param>
    /// <param name="vaPage">The VA page.</param>
    /// <param name="slot">The slot, 0 to 511.</param>
    /// <param name="page">A free EPC page.</param>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, ReadOnlySpan<byte> source,
        ReadOnlySpan<byte> pcmd, EpcPage vaPage, int slot, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        // SDM 3D, ENCLS: EAX is an invalid leaf number.
        if (!machine.Options.Oversubscription)
        {
            return machine.Tell(EnclsLeaf.Eldbc, page, address, LeafResult.GeneralProtection);
        }

        LeafResult result = PageLoad.Run(machine, blocked: true, secs, address, source, pcmd, vaPage, slot, page);
        return machine.Tell(EnclsLeaf.Eldbc, page, address, result);
    }
}
