namespace Cloister.Attestation.Collaterals;

/// <summary>What verifiers shall find, in place of what is.</summary>
public sealed record Verdict
{
    /// <summary>The platform's status; null: as its versions are.</summary>
    public TcbStatus? Tcb { get; init; }

    /// <summary>The quoting enclave's status; null: up to date.</summary>
    public TcbStatus? QuotingEnclave { get; init; }

    /// <summary>Whether TCB information, identities and revocation lists have expired.</summary>
    public bool IsExpired { get; init; }

    /// <summary>Whether the platform's certificate is revoked.</summary>
    public bool IsRevoked { get; init; }
}
