using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Architecture;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Cli.Platforms;

namespace Cloister.Cli.Commands;

/// <summary>Collateral for a quote that the user's authority certified.</summary>
internal static class OwnCollateral
{
    /// <summary>Makes it. What versions a platform has known is told by the platform, where it is the user's.</summary>
    /// <exception cref="AttestationException">The quote is of another world.</exception>
    public static Collateral Of(Quote quote, Verdict verdict, DateTimeOffset now)
    {
        DevelopmentAuthority authority = AuthorityStore.Take();
        string pem = Encoding.Latin1.GetString(quote.Certification.Span);
        IReadOnlyList<ParsedCertificate> chain = ParsedCertificate.Chain(pem);
        if (chain.Count != 3 || !chain[2].Der.Span.SequenceEqual(authority.Root.RawData) || chain[0].Sgx is not { } sgx)
        {
            throw new AttestationException(
                "it is not certified by the development root of this user (another user's, another machine's, or hardware's): --collateral FILE gives what belongs to it");
        }

        SgxExtension extension = SgxExtension.Read(sgx);
        CertificateAuthority by = extension.InstanceId.Length > 0 ? CertificateAuthority.Platform : CertificateAuthority.Processor;
        PlatformSettings settings = Known(extension, MemoryMarshal.Read<ReportBody>(quote.QuotingBody.Span)) ?? new PlatformSettings
        {
            Fmspc = extension.Fmspc,
            Cpusvn = extension.Version.Cpusvn,
            Pcesvn = extension.Version.Pcesvn,
        };
        settings = settings.At(extension.Version.Cpusvn, extension.Version.Pcesvn) with { Authority = by };
        return new CollateralMaker(authority, settings, () => [X509CertificateLoader.LoadCertificate(chain[0].Der.Span)],
            verdict, now).All();
    }

    /// <summary>A file for each part.</summary>
    public static void Write(Collateral collateral, DirectoryInfo directory)
    {
        (string Name, byte[] Bytes)[] files =
        [
            ("pck_crl_issuer_chain.pem", Encoding.ASCII.GetBytes(collateral.PckCrlChain)),
            ("root_ca_crl.der", collateral.RootCrl),
            ("pck_crl.der", collateral.PckCrl),
            ("tcb_info_issuer_chain.pem", Encoding.ASCII.GetBytes(collateral.TcbInfoChain)),
            ("tcb_info.json", Encoding.UTF8.GetBytes(collateral.TcbInfo.Under(TcbInfo.Member))),
            ("qe_identity_issuer_chain.pem", Encoding.ASCII.GetBytes(collateral.IdentityChain)),
            ("qe_identity.json", Encoding.UTF8.GetBytes(collateral.Identity.Under(EnclaveIdentity.Member))),
        ];
        OutputFile.Writing(directory.ToString(), () => Directory.CreateDirectory(directory.FullName));
        foreach ((string name, byte[] bytes) in files)
        {
            OutputFile.Write(Path.Combine(directory.FullName, name), bytes);
        }
    }

    // Of copies, which have the same PPID, the one whose QE it is.
    private static PlatformSettings? Known(SgxExtension extension, in ReportBody quoting)
    {
        PlatformStore store = PlatformStore.Open();
        PlatformSettings? known = null;
        string signer = Convert.ToHexStringLower(quoting.Mrsigner);
        foreach (string name in store.Names)
        {
            try
            {
                Platform platform = store.Read(name);
                if (platform.Settings.Fmspc == extension.Fmspc && CertifiedPlatform.PpidOf(platform) == extension.Ppid)
                {
                    known ??= platform.Settings;
                    if (platform.Settings.QuotingEnclave.Mrsigner == signer
                        && platform.Settings.QuotingEnclave.Isvprodid == quoting.Isvprodid)
                    {
                        return platform.Settings;
                    }
                }
            }
            catch (PlatformProblem)
            {
                // A damaged one has certified nothing that could be told.
            }
        }

        return known;
    }
}
