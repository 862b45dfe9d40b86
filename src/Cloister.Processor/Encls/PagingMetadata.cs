using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// How an evicted page is encrypted and authenticated: AES-GCM with the paging key, the version as the counter, and a header
/// of 128 bytes that binds it to its enclave and address. SDM 3D, EWB and "MAC Header".
/// </summary>
internal static class PagingMetadata
{
    private const int HeaderSize = 128;

    public static void Encrypt(SgxMachine machine, ulong version, ulong eid, LinearAddress address, in Pcmd pcmd, ReadOnlySpan<byte> page,
        Span<byte> destination, Span<byte> mac)
    {
        machine.Keys.Paging.Encrypt(Nonce(version, stackalloc byte[12]), page, destination, mac,
            Header(eid, address, pcmd, stackalloc byte[HeaderSize]));
    }

    /// <summary>False, and nothing in <paramref name="plain"/>, when anything is not as it was.</summary>
    public static bool Decrypt(SgxMachine machine, ulong version, ulong eid, LinearAddress address, in Pcmd pcmd, ReadOnlySpan<byte> source,
        Span<byte> plain)
    {
        try
        {
            machine.Keys.Paging.Decrypt(Nonce(version, stackalloc byte[12]), source, pcmd.Mac, plain,
                Header(eid, address, pcmd, stackalloc byte[HeaderSize]));
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    private static Span<byte> Nonce(ulong version, Span<byte> nonce)
    {
        // SDM 3D, EWB: the counter is TMP_VER << 32.
        nonce.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], version);
        return nonce;
    }

    private static Span<byte> Header(ulong eid, LinearAddress address, in Pcmd pcmd, Span<byte> header)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, eid);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], address.Value);
        MemoryMarshal.AsBytes(new ReadOnlySpan<Secinfo>(in pcmd.Secinfo)).CopyTo(header[16..]);
        ((ReadOnlySpan<byte>)pcmd.Reserved).CopyTo(header[80..]);
        return header;
    }
}
