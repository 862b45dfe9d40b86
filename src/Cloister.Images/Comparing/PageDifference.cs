namespace Cloister.Images.Comparing;

/// <summary>Pages in a row that differ alike.</summary>
/// <param name="Offset">The first, in bytes from the beginning of the enclave.</param>
/// <param name="Count">How many.</param>
/// <param name="FirstName">What they are for in the first enclave; empty when they are not there.</param>
/// <param name="SecondName">The same in the second.</param>
/// <param name="What">content, SECINFO, measured chunks, only in the first, only in the second.</param>
/// <param name="First">It in the first; of content the bytes from <see cref="At"/>.</param>
/// <param name="Second">The same in the second.</param>
/// <param name="IsMeasured">Whether MRENCLAVE depends on it.</param>
public sealed record PageDifference(ulong Offset, ulong Count, string FirstName, string SecondName, string What, string First,
    string Second, bool IsMeasured)
{
    /// <summary>How many bytes differ, where content does.</summary>
    public long Bytes { get; init; }

    /// <summary>The first byte that differs, where content does; 0 otherwise.</summary>
    public ulong At { get; init; }

    /// <summary>The section of an ELF file that the first of them lies in; null where there is none.</summary>
    public string? Section { get; init; }
}
