namespace Cloister.Images;

/// <summary>An enclave file, open for reading.</summary>
public sealed class EnclaveImage : IDisposable
{
    private readonly ByteSource source;

    internal EnclaveImage(ByteSource source, ImageFormat format, string formatName)
    {
        this.source = source;
        Format = format;
        FormatName = formatName;
    }

    /// <summary>What kind of file.</summary>
    public ImageFormat Format { get; }

    /// <summary>The same for a reader, with the variety: "Intel SGX SDK, ELF64".</summary>
    public string FormatName { get; }

    /// <summary>The file's bytes.</summary>
    public ByteSource Source => source;

    /// <summary>The enclaves the file describes, in the file's order; at least one.</summary>
    public required IReadOnlyList<EnclaveVariant> Variants { get; init; }

    /// <summary>
    /// The enclave that a loader with every feature takes: the newest metadata, and 2.x only when there is no other,
    /// for today's loader passes over it. intel/linux-sgx, psw/urts/urts_com.h, get_metadata.
    /// </summary>
    public EnclaveVariant PreferredVariant
        => Variants.Where(variant => !variant.IsPassedOver).MaxBy(variant => variant.Version)
        ?? Variants.MaxBy(variant => variant.Version)!;

    /// <summary>What the format says of the whole file.</summary>
    public IReadOnlyList<Detail> Details { get; init; } = [];

    /// <summary>Where executable code is in the file, to be searched for ENCLU. Empty when the format does not tell.</summary>
    public IReadOnlyList<FileRange> Code { get; init; } = [];

    /// <summary>Names of functions the file wants from others, which a simulation build betrays itself by.</summary>
    public IReadOnlyList<string> Imports { get; init; } = [];

    /// <inheritdoc/>
    public void Dispose() => source.Dispose();
}
