namespace Cloister.Cli.Debugging;

/// <summary>An ELF file in a program's memory.</summary>
/// <param name="Path">The file.</param>
/// <param name="Bias">What is added to the file's own addresses (l_addr).</param>
/// <param name="Dynamic">Where its dynamic section lies (l_ld); 0 for none.</param>
internal sealed record LoadedFile(string Path, ulong Bias, ulong Dynamic)
{
    /// <summary>Where its code lies in memory.</summary>
    public IReadOnlyList<(ulong Start, ulong End)> Code { get; init; } = [];

    /// <summary>Whether an address is in its code.</summary>
    public bool Has(ulong address) => Code.Any(range => address >= range.Start && address < range.End);

    /// <summary>Where the dynamic linker keeps its entry; 0 for none.</summary>
    public ulong LinkMap { get; init; }
}
