using System.Buffers.Binary;

namespace Cloister.Attestation.Libraries;

/// <summary>
/// Memory that a function makes for its caller, who gives it back by another function of the library: pages of their own, which begin with
/// their length.
/// </summary>
internal static class CallerBlock
{
    private const int HeaderLength = 16;
    private const ulong Mark = 0x6b636f6c4272654f; // any number that memory of somebody else's does not have there

    /// <summary>Makes some; null when there is no memory.</summary>
    /// <param name="call">Whose caller.</param>
    /// <param name="content">Gives the content for the address at which it will lie.</param>
    /// <param name="length">Bytes of the content.</param>
    public static async Task<ulong?> Make(LibraryCall call, int length, Func<ulong, byte[]> content)
    {
        if (await call.Memory.Allocate(HeaderLength + length).ConfigureAwait(false) is not { } at)
        {
            return null;
        }

        byte[] header = new byte[HeaderLength];
        BinaryPrimitives.WriteUInt64LittleEndian(header, Mark);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), HeaderLength + length);
        await call.Memory.Write(at, (byte[])[.. header, .. content(at + HeaderLength)]).ConfigureAwait(false);
        return at + HeaderLength;
    }

    /// <summary>Gives it back; nothing when it is none.</summary>
    /// <returns>False when there is something else at the address.</returns>
    public static async Task<bool> Free(LibraryCall call, ulong address)
    {
        if (address < HeaderLength)
        {
            return address == 0;
        }

        byte[] header = await call.Memory.Read(address - HeaderLength, HeaderLength).ConfigureAwait(false);
        if (BinaryPrimitives.ReadUInt64LittleEndian(header) != Mark)
        {
            return false;
        }

        await call.Memory.Free(address - HeaderLength, BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(8))).ConfigureAwait(false);
        return true;
    }
}
