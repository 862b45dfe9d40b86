using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cloister.Architecture;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Quotes;

namespace Cloister.Attestation.Verification;

/// <summary>
/// Verifies a quote step by step, each with both sides. Intel, "SGX ECDSA QuoteGenReference", A.4, and what the verification library does
/// (SGX-TDX-DCAP-QuoteVerificationLibrary, QuoteVerifier.cpp). The first step that fails ends it: what follows stands on it.
/// </summary>
public sealed class QuoteVerifier
{
    private const string RootName = "Intel SGX Root CA", PckName = "Intel SGX PCK Certificate", TcbName = "Intel SGX TCB Signing";
    private static readonly string[] s_authorities = ["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"];

    private readonly List<VerificationCheck> _checks = [];
    private readonly Quote _quote;
    private readonly Collateral _collateral;
    private readonly TrustedRoots _roots;
    private readonly DateTimeOffset _at;
    private TcbStatus _status;
    private List<string> _advisories = [];

    private QuoteVerifier(Quote quote, Collateral collateral, TrustedRoots roots, DateTimeOffset at) =>
        (_quote, _collateral, _roots, _at) = (quote, collateral, roots, at);

    /// <summary>Verifies.</summary>
    public static VerificationReport Verify(Quote quote, Collateral collateral, TrustedRoots roots, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(quote);
        ArgumentNullException.ThrowIfNull(collateral);
        ArgumentNullException.ThrowIfNull(roots);
        var verifier = new QuoteVerifier(quote, collateral, roots, at);
        bool holds;
        try
        {
            holds = verifier.Run();
        }
        catch (AttestationException wrong)
        {
            holds = verifier.Check("form", "as it is specified", wrong.Message, false,
                "a certificate, a list or a text of the collateral is damaged");
        }

        return new VerificationReport(verifier._checks, holds ? verifier._status : null, holds ? verifier._advisories : []);
    }

    private bool Run() =>
        Check("kind of quote", "SGX, attestation key of type 2 (ECDSA P-256), certification data of type 5",
            $"{(_quote.Tee == 0 ? "SGX" : $"TEE 0x{_quote.Tee:x}")}, attestation key of type {_quote.KeyType}, certification data of type {_quote.CertificationType}",
            _quote is { Tee: 0, KeyType: 2, CertificationType: Quote.PemChain },
            "only quotes of enclaves with their certificates are verified here")
        && PckChain(out ParsedCertificate pck, out ParsedCertificate authority, out ParsedCertificate root, out SgxExtension sgx)
        && RootList(root, out RevocationList rootList)
        && PckList(pck, authority, root, rootList)
        && Signed("TCB information", _collateral.TcbInfoChain, _collateral.TcbInfo, root, rootList)
        && Signed("QE identity", _collateral.IdentityChain, _collateral.Identity, root, rootList)
        && Platform(sgx, out TcbInfo information)
        && QuotingEnclave(pck, out (TcbStatus Status, IReadOnlyList<string> Advisories) quoting)
        && Signature()
        && Level(sgx, information, quoting);

    private bool PckChain(out ParsedCertificate pck, out ParsedCertificate authority, out ParsedCertificate root, out SgxExtension sgx)
    {
        IReadOnlyList<ParsedCertificate> chain = ParsedCertificate.Chain(Encoding.Latin1.GetString(_quote.Certification.Span));
        (pck, authority, root, sgx) = (null!, null!, null!, null!);
        if (!Check("PCK chain", "3 certificates", $"{chain.Count}", chain.Count == 3,
            "the quote has to bring its certificate and those above it"))
        {
            return false;
        }

        (pck, authority, root) = (chain[0], chain[1], chain[2]);
        bool holds =
            Check("names of the chain", $"{PckName}, {string.Join(" or ", s_authorities)}, {RootName}",
                string.Join(", ", chain.Select(certificate => certificate.Name)),
                pck.Name == PckName && s_authorities.Contains(authority.Name) && root.Name == RootName,
                "it is no chain of PCK certificates")
            && Root(root)
            && Check("PCK authority is certified", "by the root", authority.IsSignedBy(root) && authority.IsAuthority ? "by the root"
                : "not by it", authority.IsSignedBy(root) && authority.IsAuthority, "somebody else made it")
            && Check("PCK certificate is certified", "by the authority", pck.IsSignedBy(authority) ? "by the authority"
                : "not by it", pck.IsSignedBy(authority), "somebody else made it")
            && Current(chain)
            && Check("PCK certificate's SGX extension", "there", pck.Sgx is null ? "not there"
                : "there", pck.Sgx is not null, "it does not say for which platform it is");
        sgx = holds ? SgxExtension.Read(pck.Sgx!.Value) : null!;
        return holds;
    }

    private bool Root(ParsedCertificate root)
    {
        bool trusted = root.IsSignedBy(root) && _roots.Contains(root.Der.Span);
        return Check("root is trusted", _roots.Text, $"SHA-256 {TrustedRoots.Hash(root.Der.Span)[..16]}.. of {root.Organization}", trusted,
            "the quote is of another world: hardware under Intel's root, Cloister under a development root; --root FILE trusts another");
    }

    private bool Current(IEnumerable<ParsedCertificate> chain) => chain.All(certificate =>
        Between($"validity of {certificate.Name}", certificate.NotBefore, certificate.NotAfter,
            "the certificate is not valid at this time"));

    private bool Between(string name, DateTimeOffset from, DateTimeOffset until, string meaning) =>
        Check(name, $"{Text(from)} to {Text(until)}", Text(_at), from <= _at && _at <= until, meaning);

    private bool RootList(ParsedCertificate root, out RevocationList list)
    {
        list = RevocationList.Parse(_collateral.RootCrl);
        bool signed = list.IsSignedBy(root);
        return Check("root's revocation list", "signed by the root", signed ? "signed by the root"
            : "not", signed, "the list is of another root, or was changed")
            && Between("validity of the root's revocation list", list.Issued, list.Next,
                "the list has expired, or is of the future: fetch another");
    }

    private bool PckList(ParsedCertificate pck, ParsedCertificate authority, ParsedCertificate root, RevocationList rootList)
    {
        IReadOnlyList<ParsedCertificate> chain = ParsedCertificate.Chain(_collateral.PckCrlChain);
        bool isChain = chain.Count == 2 && chain[0].Key.Span.SequenceEqual(authority.Key.Span) && chain[0].IsSignedBy(root)
            && chain[1].Der.Span.SequenceEqual(root.Der.Span);
        var list = RevocationList.Parse(_collateral.PckCrl);
        bool signed = list.IsSignedBy(authority);
        return Check("chain of the PCK revocation list", "the authority and the root",
            string.Join(", ", chain.Select(certificate => certificate.Name)), isChain,
            "the list is of another authority; ask for ca=platform or ca=processor as the certificate says")
            && Check("PCK revocation list", "signed by the authority", signed ? "signed by the authority"
                : "not", signed, "the list is of another authority, or was changed")
            && Between("validity of the PCK revocation list", list.Issued, list.Next,
                "the list has expired, or is of the future: fetch another")
            && Check("PCK authority is not revoked", "not in the list", rootList.Revoked.Contains(authority.Serial) ? "in the list"
                : "not in the list", !rootList.Revoked.Contains(authority.Serial), "its certificates are not to be trusted")
            && Check("PCK certificate is not revoked", "not in the list", list.Revoked.Contains(pck.Serial) ? $"in the list: {pck.Serial}"
                : "not in the list", !list.Revoked.Contains(pck.Serial), "the platform is not to be trusted any more");
    }

    private bool Signed(string name, string pem, SignedText text, ParsedCertificate root, RevocationList rootList)
    {
        IReadOnlyList<ParsedCertificate> chain = ParsedCertificate.Chain(pem);
        bool isChain = chain.Count == 2 && chain[0].Name == TcbName && chain[0].MaySign && chain[0].IsSignedBy(root)
            && chain[1].Der.Span.SequenceEqual(root.Der.Span);
        if (!Check($"chain of {name}", $"{TcbName}, certified by the root",
            string.Join(", ", chain.Select(certificate => certificate.Name)), isChain, "somebody else signed it"))
        {
            return false;
        }

        byte[] signature = HexText.Parse(text.Signature) ?? [];
        bool signed = signature.Length == Signatures.Length
            && Signatures.Verify(chain[0].Key.Span, Encoding.UTF8.GetBytes(text.Body), signature);
        return Current(chain.Take(1))
            && Check($"signer of {name} is not revoked", "not in the list", rootList.Revoked.Contains(chain[0].Serial) ? "in the list"
                : "not in the list", !rootList.Revoked.Contains(chain[0].Serial), "what it signed is not to be trusted")
            && Check($"signature of {name}", "by the signing certificate", signed ? "right"
                : "wrong", signed, "it was changed, or its white space was");
    }

    private bool Platform(SgxExtension sgx, out TcbInfo information)
    {
        information = TcbInfo.Parse(_collateral.TcbInfo.Body);
        return Between("validity of TCB information", information.Issued, information.Next,
            "it has expired, or is of the future: fetch another")
            && Check("FMSPC", sgx.Fmspc, information.Fmspc, sgx.Fmspc == information.Fmspc, "the TCB information is for other processors")
            && Check("PCEID", sgx.Pceid, information.Pceid, string.Equals(sgx.Pceid, information.Pceid, StringComparison.OrdinalIgnoreCase),
                "the TCB information is for another PCE");
    }

    private bool QuotingEnclave(ParsedCertificate pck, out (TcbStatus Status, IReadOnlyList<string> Advisories) status)
    {
        var identity = EnclaveIdentity.Parse(_collateral.Identity.Body);
        ReportBody body = MemoryMarshal.Read<ReportBody>(_quote.QuotingBody.Span);
        ReadOnlySpan<byte> bytes = _quote.QuotingBody.Span;
        bool signed = Signatures.Verify(pck.Key.Span, bytes, _quote.QuotingSignature.Span);
        string bound = Convert.ToHexStringLower(SHA256.HashData([.. _quote.AttestationKey.Span, .. _quote.AuthenticationData.Span]))
            + new string('0', 64);
        string miscselect = Masked(bytes.Slice(16, 4), identity.Miscselect.Mask),
            attributes = Masked(bytes.Slice(48, 16), identity.Attributes.Mask), mrsigner = Convert.ToHexString(body.Mrsigner);
        (ushort Isvsvn, TcbStatus Status, IReadOnlyList<string> Advisories)[] levels = [
            .. identity.Levels.Where(level => level.Isvsvn <= body.Isvsvn)];
        status = levels.Length == 0 ? (TcbStatus.NotSupported, []) : (levels[0].Status, levels[0].Advisories);
        return Check("REPORT of the quoting enclave", "signed by the PCK", signed ? "signed by the PCK"
            : "not", signed, "another platform's quoting enclave, or it was changed")
            && Check("attestation key", bound, Convert.ToHexStringLower(body.Reportdata),
                Convert.ToHexStringLower(body.Reportdata) == bound, "the key is not the one that the quoting enclave reported")
            && Between("validity of the QE identity", identity.Issued, identity.Next, "it has expired, or is of the future: fetch another")
            && Check("QE identity", "QE", identity.Id, identity.Id == "QE", "the identity is of another kind of enclave")
            && Check("QE MISCSELECT", And(identity.Miscselect), miscselect, And(identity.Miscselect) == miscselect,
                "it is no quoting enclave that is certified")
            && Check("QE ATTRIBUTES", And(identity.Attributes), attributes, And(identity.Attributes) == attributes,
                "it is no quoting enclave that is certified: it may be debugged")
            && Check("QE MRSIGNER", identity.Mrsigner, mrsigner, identity.Mrsigner == mrsigner,
                "it is no quoting enclave that is certified")
            && Check("QE ISVPRODID", $"{identity.Isvprodid}", $"{body.Isvprodid}", identity.Isvprodid == body.Isvprodid,
                "it is another enclave of the same signer")
            && Check("QE ISVSVN", identity.Levels.Count == 0 ? "a level" : $"{identity.Levels[^1].Isvsvn} or newer, not revoked",
                $"{body.Isvsvn}: {status.Status}", status.Status is not (TcbStatus.NotSupported or TcbStatus.Revoked),
                "the quoting enclave is too old");
    }

    private bool Signature()
    {
        bool signed = Signatures.Verify(_quote.AttestationKey.Span, _quote.Signed.Span, _quote.Signature.Span);
        ReportBody body = MemoryMarshal.Read<ReportBody>(_quote.Body.Span);
        bool debug = body.Attributes.Flags.HasFlag(AttributeFlags.Debug);
        return Check("signature of the quote", "by the attestation key", signed ? "right" : "wrong", signed, "the quote was changed")
            && Check("enclave may not be debugged", "DEBUG is not set", debug ? "DEBUG is set"
                : "DEBUG is not set", !debug, "whoever runs a debug enclave reads and writes it");
    }

    private bool Level(SgxExtension sgx, TcbInfo information, (TcbStatus Status, IReadOnlyList<string> Advisories) quoting)
    {
        TcbLevel? level = information.LevelOf(sgx.Version);
        TcbStatus platform = level?.Status ?? TcbStatus.NotSupported;
        string least = information.Levels.Count == 0 ? "a level"
            : $"{information.Levels[^1].Version.Cpusvn}/{information.Levels[^1].Version.Pcesvn} or newer, not revoked";
        _status = Together(platform, quoting.Status);
        _advisories = [.. (level?.Advisories ?? []).Concat(quoting.Advisories).Distinct()];
        return Check("TCB level", least, $"{sgx.Version.Cpusvn}/{sgx.Version.Pcesvn}: {platform}", platform is not (TcbStatus.NotSupported
            or TcbStatus.Revoked), "the platform's microcode or PCE is too old");
    }

    // DCAP, QuoteVerification: an old quoting enclave makes the whole out of date.
    internal static TcbStatus Together(TcbStatus platform, TcbStatus quoting) => quoting switch
    {
        TcbStatus.OutOfDate => platform switch
        {
            TcbStatus.UpToDate or TcbStatus.SWHardeningNeeded => TcbStatus.OutOfDate,
            TcbStatus.ConfigurationNeeded or TcbStatus.ConfigurationAndSWHardeningNeeded => TcbStatus.OutOfDateConfigurationNeeded,
            _ => platform,
        },
        TcbStatus.Revoked => TcbStatus.Revoked,
        _ => platform,
    };

    private bool Check(string name, string expected, string found, bool passed, string meaning)
    {
        _checks.Add(new VerificationCheck(name, expected, found, passed, meaning));
        return passed;
    }

    private static string And((string Value, string Mask) field) => Masked(Convert.FromHexString(field.Value), field.Mask);

    private static string Masked(ReadOnlySpan<byte> value, string mask)
    {
        byte[] bits = Convert.FromHexString(mask);
        for (int i = 0; i < bits.Length; i++)
        {
            bits[i] &= value[i];
        }

        return Convert.ToHexString(bits);
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
