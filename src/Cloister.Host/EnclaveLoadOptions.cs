namespace Cloister.Host;

/// <summary>Choices in loading an enclave file.</summary>
public sealed record EnclaveLoadOptions
{
    /// <summary>
    /// Sign on the spot even when the file is signed: MRSIGNER is then another, and sealed data of the maker's cannot be read.
    /// </summary>
    public bool SignOnTheSpot { get; init; }

    /// <summary>Run it as a debug enclave where its SIGSTRUCT permits that.</summary>
    public bool Debug { get; init; }

    /// <summary>How it will be entered.</summary>
    public EntryMethod EntryMethod { get; init; }

    /// <summary>XFRM beyond what the SIGSTRUCT enforces; null for no more than that. The machine must have it. SDM 3D, "XFRM".</summary>
    public ulong? Xfrm { get; init; }
}
