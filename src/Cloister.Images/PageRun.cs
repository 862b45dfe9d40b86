using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Pages that follow one another in an enclave, are added in ascending order, and have one SECINFO.</summary>
/// <param name="Name">What they are for, in the words of the format: "code", "HEAP_MIN", "TCS".</param>
/// <param name="Offset">Bytes from the beginning of the enclave, a multiple of 4096.</param>
/// <param name="Count">How many pages.</param>
/// <param name="Flags">SECINFO.FLAGS of EADD.</param>
/// <param name="Content">What they hold.</param>
public sealed record PageRun(string Name, ulong Offset, ulong Count, SecinfoFlags Flags, PageContent Content)
{
    /// <summary>EEXTEND measures this many bytes. SDM 3D, EEXTEND.</summary>
    public const int ChunkSize = 256;

    private static readonly byte[] AllChunks = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// <summary>The chunks 0 to 15 of each page that EEXTEND measures, in its order. All, unless said otherwise.</summary>
    public ReadOnlyMemory<byte> MeasuredChunks { get; init; } = AllChunks;

    /// <summary>Whether the whole page is measured in ascending order.</summary>
    public bool IsMeasured => MeasuredChunks.Span.SequenceEqual(AllChunks);

    /// <summary>Whether nothing but the EADD is measured.</summary>
    public bool IsUnmeasured => MeasuredChunks.IsEmpty;

    /// <summary>SECINFO.FLAGS.PAGE_TYPE.</summary>
    public PageType PageType => new Secinfo(Flags).PageType;

    /// <summary>The first byte behind the run, from the beginning of the enclave.</summary>
    public ulong End => Offset + (Count * LinearAddress.PageSize);

    /// <summary>The same pages, added without EEXTEND.</summary>
    public PageRun Unmeasured() => this with { MeasuredChunks = default };
}
