using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// One enclave that a file describes. Most files describe one; an Intel SDK file has one for each metadata version in it,
/// of which the loader takes what the machine can do.
/// </summary>
public sealed class EnclaveVariant
{
    /// <summary>What tells it from the others of the file: "metadata 1.4", or "enclave" when there is only one.</summary>
    public required string Name { get; init; }

    /// <summary>The format's version of it, greater when newer: an Intel SDK file's metadata version.</summary>
    public ulong Version { get; init; }

    /// <summary>Whether today's loaders of the format do not take it.</summary>
    public bool IsPassedOver { get; init; }

    /// <summary>The SIGSTRUCT, or null when the file is not signed.</summary>
    public Sigstruct? Sigstruct { get; init; }

    /// <summary>Where the SIGSTRUCT is in <see cref="SigstructPath"/>, in bytes; null when there is none.</summary>
    public long? SigstructOffset { get; init; }

    /// <summary>Where the file itself has room for the SIGSTRUCT, signed or not, in bytes; null when it is kept apart.</summary>
    public long? SigstructPlace { get; init; }

    /// <summary>What the format's own signer would choose for a file that is not signed yet.</summary>
    public SigningParameters? Signing { get; init; }

    /// <summary>The file that holds the SIGSTRUCT when it is not the file itself.</summary>
    public string? SigstructPath { get; init; }

    /// <summary>SECS.SIZE in bytes; 0 when the file does not hold the pages.</summary>
    public ulong Size { get; init; }

    /// <summary>SECS.SSAFRAMESIZE in pages.</summary>
    public uint SsaFrameSize { get; init; }

    /// <summary>The attributes the file asks for, when it says so apart from the SIGSTRUCT.</summary>
    public Attributes? Attributes { get; init; }

    /// <summary>Enumerates the pages in the order of EADD, from the file, each time anew; null when the file does not hold them.</summary>
    public IEnumerable<PageRun>? Pages { get; init; }

    /// <summary>Why <see cref="Pages"/> is null.</summary>
    public string? PagesMissing { get; init; }

    /// <summary>What else the format says.</summary>
    public IReadOnlyList<Detail> Details { get; init; } = [];

    /// <summary>Things a reviewer of this format would raise.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
