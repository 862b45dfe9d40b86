using System.Security.Cryptography;

namespace Cloister.Attestation.Verification;

/// <summary>The roots that a verification trusts.</summary>
/// <param name="Certificates">DER of each.</param>
/// <param name="Hashes">SHA-256 of the DER of others, lower-case hexadecimal digits.</param>
public sealed record TrustedRoots(IReadOnlyList<byte[]> Certificates, IReadOnlyList<string> Hashes)
{
    /// <summary>
    /// SHA-256 of the certificate of Intel's SGX root, as Intel publishes it (certificates.trustedservices.intel.com,
    /// Intel_SGX_Provisioning_Certification_RootCA).
    /// </summary>
    public const string Intel = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";

    /// <summary>Whether a certificate is one of them.</summary>
    public bool Contains(ReadOnlySpan<byte> der)
    {
        foreach (byte[] certificate in Certificates)
        {
            if (der.SequenceEqual(certificate))
            {
                return true;
            }
        }

        return Hashes.Contains(Hash(der));
    }

    /// <summary>How they are named to a reader.</summary>
    public string Text =>
        string.Join(" or ", Certificates.Select(certificate => Hash(certificate)).Concat(Hashes)
            .Select(hash => $"SHA-256 {hash[..16]}..{(hash == Intel ? " (Intel's)" : "")}"));

    internal static string Hash(ReadOnlySpan<byte> der) => Convert.ToHexStringLower(SHA256.HashData(der));
}
