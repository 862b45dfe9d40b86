using System.Buffers.Binary;

namespace Cloister.Attestation.Quotes;

/// <summary>A quote, taken apart. DCAP, sgx_quote_3.h and sgx_quote_4.h: version 3, and version 4 for reading.</summary>
public sealed record Quote
{
    /// <summary>The TEE that version 4 names for trust domains.</summary>
    public const uint TrustDomain = 0x81;

    /// <summary>The kind of certification data that is a chain of PEM certificates.</summary>
    public const ushort PemChain = 5;

    internal const int HeaderLength = 48, BodyLength = 384, SignedLength = HeaderLength + BodyLength;
    private const int TrustDomainBodyLength = 584;
    private const ushort QeReport = 6;

    /// <summary>3 or 4.</summary>
    public required ushort Version { get; init; }

    /// <summary>2: ECDSA with P-256.</summary>
    public required ushort KeyType { get; init; }

    /// <summary>0: SGX.</summary>
    public uint Tee { get; init; }

    /// <summary>ISVSVN of the quoting enclave, as the header tells it; not in version 4.</summary>
    public ushort QeSvn { get; init; }

    /// <summary>ISVSVN of the PCE, as the header tells it; not in version 4.</summary>
    public ushort PceSvn { get; init; }

    /// <summary>Who made the quoting enclave, 16 bytes.</summary>
    public required ReadOnlyMemory<byte> VendorId { get; init; }

    /// <summary>The quoting enclave's identifier and four bytes.</summary>
    public required ReadOnlyMemory<byte> UserData { get; init; }

    /// <summary>What is attested: the REPORT's body of an enclave, 384 bytes, or of a trust domain.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Header and body.</summary>
    public required ReadOnlyMemory<byte> Signed { get; init; }

    /// <summary>r and s over them.</summary>
    public required ReadOnlyMemory<byte> Signature { get; init; }

    /// <summary>X and Y of the attestation key.</summary>
    public required ReadOnlyMemory<byte> AttestationKey { get; init; }

    /// <summary>The REPORT's body of the quoting enclave.</summary>
    public required ReadOnlyMemory<byte> QuotingBody { get; init; }

    /// <summary>r and s over it by the certified key.</summary>
    public required ReadOnlyMemory<byte> QuotingSignature { get; init; }

    /// <summary>What is hashed with the attestation key.</summary>
    public required ReadOnlyMemory<byte> AuthenticationData { get; init; }

    /// <summary>The kind of certification data.</summary>
    public required ushort CertificationType { get; init; }

    /// <summary>The certification data.</summary>
    public required ReadOnlyMemory<byte> Certification { get; init; }

    /// <summary>Bytes that belong to the quote; what follows is padding.</summary>
    public required int Length { get; init; }

    /// <summary>Takes a quote apart.</summary>
    /// <exception cref="AttestationException">It is none.</exception>
    public static Quote Parse(ReadOnlyMemory<byte> bytes)
    {
        var reader = new Reader(bytes, "the quote");
        ushort version = reader.UInt16("version"), keyType = reader.UInt16("attestation key type");
        if (version is not (3 or 4))
        {
            throw new AttestationException($"version {version} is none that is read here: there is 3, and 4");
        }

        uint tee = reader.UInt32("TEE type");
        ushort third = reader.UInt16("QE SVN"), fourth = reader.UInt16("PCE SVN");
        ReadOnlyMemory<byte> vendor = reader.Bytes(16, "vendor"), user = reader.Bytes(20, "user data");
        ReadOnlyMemory<byte> body = reader.Bytes(version == 4 && tee == TrustDomain ? TrustDomainBodyLength : BodyLength, "REPORT body");
        ReadOnlyMemory<byte> signed = bytes[..reader.At];
        var signatures = new Reader(reader.Bytes(reader.UInt32("length of signature data"), "signature data"), "its signature data");
        ReadOnlyMemory<byte> signature = signatures.Bytes(64, "signature"), key = signatures.Bytes(64, "attestation key");
        Reader within = signatures;
        if (version == 4)
        {
            ushort kind = signatures.UInt16("type of certification data");
            within = kind == QeReport
                ? new Reader(signatures.Bytes(signatures.UInt32("length of certification data"), "certification data"),
                    "its certification data")
                : throw new AttestationException($"certification data of type {kind} in version 4, where {QeReport} is expected");
        }

        ReadOnlyMemory<byte> quoting = within.Bytes(BodyLength, "QE's REPORT body"),
            quotingSignature = within.Bytes(64, "QE's REPORT signature");
        ReadOnlyMemory<byte> authentication = within.Bytes(within.UInt16("length of authentication data"), "authentication data");
        ushort type = within.UInt16("type of certification data");
        ReadOnlyMemory<byte> certification = within.Bytes(within.UInt32("length of certification data"), "certification data");
        return new Quote
        {
            Version = version,
            KeyType = keyType,
            Tee = version == 4 ? tee : 0,
            QeSvn = version == 4 ? (ushort)0 : third,
            PceSvn = version == 4 ? (ushort)0 : fourth,
            VendorId = vendor,
            UserData = user,
            Body = body,
            Signed = signed,
            Signature = signature,
            AttestationKey = key,
            QuotingBody = quoting,
            QuotingSignature = quotingSignature,
            AuthenticationData = authentication,
            CertificationType = type,
            Certification = certification,
            Length = reader.At,
        };
    }

    private sealed class Reader(ReadOnlyMemory<byte> bytes, string what)
    {
        public int At { get; private set; }

        public ReadOnlyMemory<byte> Bytes(uint length, string field)
        {
            if (length > bytes.Length - At)
            {
                throw new AttestationException($"{what} ends within its {field}: {length} bytes at {At}, and it has {bytes.Length}");
            }

            At += (int)length;
            return bytes.Slice(At - (int)length, (int)length);
        }

        public ReadOnlyMemory<byte> Bytes(int length, string field) => Bytes((uint)length, field);

        public ushort UInt16(string field) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2, field).Span);

        public uint UInt32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4, field).Span);
    }
}
