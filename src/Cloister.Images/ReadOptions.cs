namespace Cloister.Images;

/// <summary>What a reader needs to know besides the file.</summary>
public sealed record ReadOptions
{
    /// <summary>Where the file is, for formats of several files.</summary>
    public string? Path { get; init; }

    /// <summary>A SIGSTRUCT in a file of its own, for formats that do not hold one. By default the neighbour NAME.sig.</summary>
    public string? SigstructPath { get; init; }

    /// <summary>Gramine's loader inside the enclave, libpal.so: it is measured and is not part of the manifest.</summary>
    public string? LibpalPath { get; init; }

    /// <summary>Bytes of heap behind a plain ELF file's segments, added without EEXTEND.</summary>
    public ulong HeapSize { get; init; }
}
