using System.Text;
using Cloister.Attestation.Certificates;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Platforms;

/// <summary>
/// What stands in place of Intel's SGX root key in programs: the development root's. The key is looked for as its two coordinates, as which
/// it also stands in DER, and as PEM text of a public key, in one line or with a line feed in it as usual, or with the two characters \n of
/// a source text.
/// </summary>
internal static class RootReplacement
{
    // Public: certificates.trustedservices.intel.com, Intel_SGX_Provisioning_Certification_RootCA;
    // DCAP, QuoteVerification/QvE/Enclave/qve.cpp.
    private const string IntelX = "0ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4e88e48b4458561a36e705525f5",
        IntelY = "67918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394";

    // SubjectPublicKeyInfo of a point of P-256 (RFC 5480), up to the coordinates.
    private const string Prefix = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
    private const int PemLine = 64;

    /// <summary>The replacements for a root.</summary>
    public static IReadOnlyList<ReplacedBytes> Of(DevelopmentAuthority authority)
    {
        byte[] intel = Convert.FromHexString(IntelX + IntelY), own = authority.RootKey;
        const string text = "the development root's key stands in place of Intel's in this program's memory (--trust-development-root)";
        List<ReplacedBytes> replaced = [new ReplacedBytes(intel, own, text)];
        foreach (string feed in (string[])["", "\n", "\r\n", "\\n"])
        {
            replaced.Add(new ReplacedBytes(Pem(intel, feed), Pem(own, feed), text));
        }

        return replaced;
    }

    /// <summary>Why a program is not to have it; null when nothing is against it.</summary>
    public static string? Problem(string program) =>
        ProgramPath.Find(program) is { } path && FileStatus.TryGet(path, out FileStatus status) == Errno.None
            && (status.IsSetUserId || status.IsSetGroupId)
            ? $"{path} is a set-uid or set-gid program; it is for tests of programs with no others' rights" : null;

    private static byte[] Pem(byte[] point, string feed)
    {
        string text = Convert.ToBase64String([.. Convert.FromHexString(Prefix), .. point]);
        return Encoding.ASCII.GetBytes(text[..PemLine] + feed + text[PemLine..]);
    }
}
