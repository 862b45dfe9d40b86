namespace Cloister.Cli.Covering;

/// <summary>What was executed of one file of sources.</summary>
internal sealed class CoveredSource
{
    /// <summary>Lines that enclaves have code of, and whether any of it was executed.</summary>
    public SortedDictionary<int, bool> Lines { get; } = [];

    /// <summary>Functions: where they begin, and whether they were entered.</summary>
    public SortedDictionary<string, (int Line, bool IsReached)> Functions { get; } = new(StringComparer.Ordinal);

    /// <summary>Code of a line.</summary>
    public void NoteLine(int line, bool isReached) => Lines[line] = isReached || Lines.GetValueOrDefault(line);

    /// <summary>A function.</summary>
    public void NoteFunction(string name, int line, bool isReached) =>
        Functions[name] = (line, isReached || Functions.GetValueOrDefault(name).IsReached);

    /// <summary>Takes over what another has of the same file.</summary>
    public void Add(CoveredSource other)
    {
        foreach ((int line, bool isReached) in other.Lines)
        {
            NoteLine(line, isReached);
        }

        foreach ((string name, (int line, bool isReached)) in other.Functions)
        {
            NoteFunction(name, line, isReached);
        }
    }
}
