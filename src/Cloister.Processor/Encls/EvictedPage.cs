using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>What an evicted page has in it, for who looks at the machine: as ELDU would load it, and it stays evicted.</summary>
public static class EvictedPage
{
    /// <summary>Decrypts a page that EWB wrote. Whatever is not as it was makes it unreadable, as for ELDU.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="eid">SECS.EID of the enclave; 0 for a SECS.</param>
    /// <param name="address">Where it was; 0 for a SECS.</param>
    /// <param name="source">4096 bytes, encrypted.</param>
    /// <param name="pcmd">128 bytes.</param>
    /// <param name="vaPage">The VA page.</param>
    /// <param name="slot">The slot, 0 to 511.</param>
    /// <param name="plain">4096 bytes: what is in it.</param>
    /// <param name="secinfo">Its type and permissions.</param>
    public static bool TryRead(SgxMachine machine, ulong eid, LinearAddress address, ReadOnlySpan<byte> source, ReadOnlySpan<byte> pcmd,
        EpcPage vaPage, int slot, Span<byte> plain, out SecinfoFlags secinfo)
    {
        ArgumentNullException.ThrowIfNull(machine);
        secinfo = default;
        if (!machine.Epcm.Contains(vaPage) || machine.Epcm[vaPage] is not { Valid: true, PageType: PageType.Va })
        {
            return false;
        }

        Pcmd metadata = MemoryMarshal.Read<Pcmd>(pcmd);
        secinfo = metadata.Secinfo.Flags;
        return PagingMetadata.Decrypt(machine, MemoryMarshal.Cast<byte, ulong>(machine.Memory[vaPage])[slot], eid, address, in metadata,
            source, plain);
    }
}
