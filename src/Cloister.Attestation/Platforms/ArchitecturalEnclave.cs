using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Attestation.Platforms;

/// <summary>
/// A provisioning certification or quoting enclave (PCE, QE): what its keys and its identity are made of. EGETKEY derives the provisioning
/// key from MRSIGNER, ISVPRODID, ATTRIBUTES and MISCSELECT, and from no measurement. SDM 3D, EGETKEY, TMP_KEYDEPENDENCIES of PROVISION_KEY.
/// </summary>
/// <param name="Mrsigner">64 hexadecimal digits in lower case.</param>
/// <param name="Isvprodid">ISVPRODID.</param>
/// <param name="Isvsvn">ISVSVN.</param>
public sealed record ArchitecturalEnclave(string Mrsigner, ushort Isvprodid, ushort Isvsvn)
{
    /// <summary>MRSIGNER of Intel's quoting and verifying enclaves. DCAP, sgx_ql_core_wrapper.cpp.</summary>
    public const string IntelMrsigner = "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff";

    /// <summary>MRSIGNER of Intel's PCE, which is another. DCAP, driver/win/PLE/whitelist.h.</summary>
    public const string IntelPceMrsigner = "c54a62f2be9ef76efb1f3930ad81ea7f60defc1f5f25e09b7c067a815ae0c6cb";

    /// <summary>Intel's PCE. linux-sgx, psw/ae/pce/config.xml.</summary>
    public static ArchitecturalEnclave IntelPce { get; } = new(IntelPceMrsigner, 1, 16);

    /// <summary>Intel's QE. DCAP, quote/enclave/linux/config.xml.</summary>
    public static ArchitecturalEnclave IntelQe { get; } = new(IntelMrsigner, 1, 11);

    /// <summary>Intel's QVE.</summary>
    public static ArchitecturalEnclave IntelQve { get; } = new(IntelMrsigner, 2, 11);

    /// <summary>Its ATTRIBUTES without XFRM, INIT among them.</summary>
    public AttributeFlags Attributes { get; init; } = AttributeFlags.Init | AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey;

    /// <summary>Which of them are certain; MODE64BIT does not count in an identity, as in Intel's.</summary>
    public AttributeFlags AttributesMask { get; init; } = ~AttributeFlags.Mode64Bit;

    /// <summary>MISCSELECT.</summary>
    public Miscselect Miscselect { get; init; }

    /// <summary>Which of its bits are certain.</summary>
    public Miscselect Miscmask { get; init; } = (Miscselect)uint.MaxValue;

    /// <summary>What the SIGSTRUCT of one says: the enclave that EINIT makes of it when it is not loaded for debugging.</summary>
    /// <exception cref="AttestationException">No such enclave can be one, or EINIT would refuse it.</exception>
    public static ArchitecturalEnclave Of(in Sigstruct sigstruct)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<Sigstruct>(in sigstruct));
        SigstructDefect defect = SigstructVerifier.CheckFormat(bytes);
        defect = defect == SigstructDefect.None ? SigstructVerifier.CheckSignature(bytes) : defect;
        if (defect != SigstructDefect.None)
        {
            throw new AttestationException($"EINIT refuses its SIGSTRUCT ({defect}); `cloister verify` tells more");
        }

        AttributeFlags flags = sigstruct.Attributes.Flags;
        if (!flags.HasFlag(AttributeFlags.ProvisionKey))
        {
            throw new AttestationException("it is signed without the attribute PROVISIONKEY, which a PCE and a QE need");
        }

        // DCAP, quoting_enclave_3.cpp: a PCE with DEBUG is refused; verifiers refuse such a QE.
        if (flags.HasFlag(AttributeFlags.Debug))
        {
            throw new AttestationException("it is signed with the attribute DEBUG: no QE takes such a PCE, and no verifier such a QE");
        }

        byte[] mrsigner = new byte[SHA256.HashSizeInBytes];
        SigstructVerifier.Mrsigner(bytes, mrsigner);
        return new ArchitecturalEnclave(Convert.ToHexStringLower(mrsigner), sigstruct.Isvprodid, sigstruct.Isvsvn)
        {
            Attributes = flags | AttributeFlags.Init,
            AttributesMask = (sigstruct.Attributemask.Flags | AttributeFlags.Init | AttributeFlags.Debug) & ~AttributeFlags.Mode64Bit,
            Miscselect = sigstruct.Miscselect,
            Miscmask = sigstruct.Miscmask,
        };
    }

    /// <summary>
    /// Whether it has the provisioning keys of another, as an older or a newer one of the same signer has. The PCE's request counts all of
    /// ATTRIBUTES but MODE64BIT and XFRM.
    /// </summary>
    public bool HasKeysOf(ArchitecturalEnclave other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Mrsigner == other.Mrsigner && Isvprodid == other.Isvprodid && Miscselect == other.Miscselect
            && ((Attributes ^ other.Attributes) & ~AttributeFlags.Mode64Bit) == 0;
    }

    /// <summary>What its REPORT says but for MRENCLAVE, which is that of a name: code stands in for it here.</summary>
    internal ReportBody StandIn(ReadOnlySpan<byte> name)
    {
        const ulong xfrm = 0xe7;
        ReportBody body = new()
        {
            Attributes = new Attributes(Attributes, xfrm),
            Miscselect = Miscselect,
            Isvprodid = Isvprodid,
            Isvsvn = Isvsvn,
        };
        SHA256.HashData(name, body.Mrenclave);
        Convert.FromHexString(Mrsigner).CopyTo(body.Mrsigner);
        return body;
    }

    /// <summary>Bits in the order of bytes in memory, as identities have them.</summary>
    internal static string Text(AttributeFlags flags)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)flags);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>The same of MISCSELECT.</summary>
    internal static string Text(Miscselect bits)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)bits);
        return Convert.ToHexStringLower(bytes);
    }
}
