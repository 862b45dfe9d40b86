namespace Cloister.Attestation.Platforms;

/// <summary>Which of the two authorities certifies a platform's PCK.</summary>
public enum CertificateAuthority
{
    /// <summary>Of platforms whose packages were registered together: servers.</summary>
    Platform,

    /// <summary>Of single processors.</summary>
    Processor,
}
