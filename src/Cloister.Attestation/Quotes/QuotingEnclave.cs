using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cloister.Architecture;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Platforms;
using Cloister.Processor;
using Cloister.Processor.Enclu;

namespace Cloister.Attestation.Quotes;

/// <summary>The quoting enclave of a platform at one version: all that makes a quote, which does not change.</summary>
internal sealed class QuotingEnclave
{
    private const int AuthenticationLength = 32;
    private static readonly byte[] s_vendor = Convert.FromHexString("939a7233f79c4ca9940a0db3957f0607");

    private readonly ECDsa _attestation;
    private readonly byte[] _header, _rest;

    public QuotingEnclave(CertifiedPlatform platform, TcbVersion version)
    {
        Version = version;
        MachineOptions machine = platform.Platform.Machine with { Cpusvn = version.Components };
        Software = new SoftwareEnclave(machine, EnclaveIdentities.Quoting(platform.Platform.Settings));
        _attestation = Signatures.PrivateOf(HMACSHA512.HashData(SealKey(Software), "attestation key"u8).AsSpan(0, 40));
        byte[] key = Signatures.Coordinates(_attestation),
            authentication = [.. Enumerable.Range(0, AuthenticationLength).Select(i => (byte)i)];
        KeyHash = SHA256.HashData([.. key, .. authentication]);

        _header = new byte[Quotes.Quote.HeaderLength];
        BinaryPrimitives.WriteUInt16LittleEndian(_header, 3);
        BinaryPrimitives.WriteUInt16LittleEndian(_header.AsSpan(2), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(_header.AsSpan(8), platform.Platform.Settings.QuotingEnclave.Isvsvn);
        BinaryPrimitives.WriteUInt16LittleEndian(_header.AsSpan(10), version.Pcesvn);
        s_vendor.CopyTo(_header, 12);
        SealKey(new SoftwareEnclave(machine, EnclaveIdentities.Identity)).CopyTo(_header, 28);

        Report own = Software.Report(default, KeyHash);
        byte[] body = MemoryMarshal.AsBytes(new ReadOnlySpan<ReportBody>(in own.Body)).ToArray();

        // The chain ends with a zero that counts: DCAP, qcnl/certification_service.cpp.
        byte[] chain = [.. Encoding.ASCII.GetBytes(platform.Chain(version)), 0], sizes = new byte[8];
        BinaryPrimitives.WriteUInt16LittleEndian(sizes, AuthenticationLength);
        BinaryPrimitives.WriteUInt16LittleEndian(sizes.AsSpan(2), Quotes.Quote.PemChain);
        BinaryPrimitives.WriteInt32LittleEndian(sizes.AsSpan(4), chain.Length);
        _rest = [.. key, .. body, .. Signatures.Sign(platform.Key(version), body), .. sizes[..2], .. authentication,
            .. sizes[2..], .. chain];
        QuoteLength = Quotes.Quote.SignedLength + 4 + Signatures.Length + _rest.Length;
    }

    /// <summary>The platform's version.</summary>
    public TcbVersion Version { get; }

    /// <summary>For whom REPORTs have to be made.</summary>
    public Targetinfo Targetinfo => Software.Targetinfo;

    /// <summary>What it can do as an enclave.</summary>
    public SoftwareEnclave Software { get; }

    /// <summary>SHA-256 of the attestation key and the authentication data.</summary>
    public byte[] KeyHash { get; }

    /// <summary>Bytes of a quote.</summary>
    public int QuoteLength { get; }

    /// <summary>A quote; null when the REPORT was not made on this machine for it.</summary>
    public byte[]? Quote(in Report report)
    {
        if (!Software.Verify(report))
        {
            return null;
        }

        byte[] quote = new byte[QuoteLength];
        _header.CopyTo(quote, 0);
        MemoryMarshal.AsBytes(new ReadOnlySpan<ReportBody>(in report.Body)).CopyTo(quote.AsSpan(Quotes.Quote.HeaderLength));
        BinaryPrimitives.WriteInt32LittleEndian(quote.AsSpan(Quotes.Quote.SignedLength), Signatures.Length + _rest.Length);
        Signatures.Sign(_attestation, quote.AsSpan(0, Quotes.Quote.SignedLength)).CopyTo(quote, Quotes.Quote.SignedLength + 4);
        _rest.CopyTo(quote, Quotes.Quote.SignedLength + 4 + Signatures.Length);
        return quote;
    }

    /// <summary>Its REPORT for whoever asked: its REPORTDATA is SHA-256 of the nonce and the quote.</summary>
    public Report ReportOn(ReadOnlySpan<byte> quote, ReadOnlySpan<byte> nonce, in Targetinfo target) =>
        Software.Report(target, SHA256.HashData([.. nonce, .. quote]));

    // By MRSIGNER and the present versions: it stays as long as the platform does not change.
    private static byte[] SealKey(SoftwareEnclave enclave)
    {
        byte[] key = new byte[16];
        SgxError error = enclave.Key(new Keyrequest
        {
            Keyname = KeyName.Seal,
            Keypolicy = Keypolicy.Mrsigner,
            Attributemask = new Attributes(~AttributeFlags.None, 0),
        }, key);
        return error == SgxError.Success ? key : throw new InvalidOperationException($"the seal key: {error}");
    }
}
