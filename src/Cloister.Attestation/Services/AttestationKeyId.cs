using System.Buffers.Binary;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Services;

/// <summary>
/// The name of the kind of key that signs quotes: ECDSA with P-256 by Intel's quoting enclave. linux-sgx, common/inc/sgx_quote.h,
/// sgx_att_key_id_ext_t. Clients have it built in, and nobody compares it with the quoting enclave that there is: it is the same for every
/// platform.
/// </summary>
internal static class AttestationKeyId
{
    /// <summary>Its bytes.</summary>
    public const int Length = 256;

    // SPID and what follows it are not compared. DCAP, sgx_ql_core_wrapper.cpp.
    private const int Compared = 158;

    private const ushort MrsignerLength = 32;
    private const uint EcdsaP256 = 2;

    /// <summary>The one that there is.</summary>
    public static byte[] Own { get; } = Make();

    /// <summary>Whether it is meant.</summary>
    public static bool IsOwn(ReadOnlySpan<byte> id) => id.Length == Length && id[..Compared].SequenceEqual(Own.AsSpan(0, Compared));

    private static byte[] Make()
    {
        byte[] id = new byte[Length];
        BinaryPrimitives.WriteUInt16LittleEndian(id.AsSpan(4), MrsignerLength);
        Convert.FromHexString(ArchitecturalEnclave.IntelMrsigner).CopyTo(id, 6);
        BinaryPrimitives.WriteUInt32LittleEndian(id.AsSpan(54), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(id.AsSpan(154), EcdsaP256);
        return id;
    }
}
