using Cloister.Images;
using Cloister.Images.Symbols;

namespace Cloister.Cli.Explaining;

/// <summary>ELF files that name code: the host's by where they are mapped, an enclave's by having the same.</summary>
internal sealed class CodeFiles : IDisposable
{
    /// <summary>Bytes of code that are compared.</summary>
    public const int CompareLength = 32;

    private const int MostCandidates = 256, LongestFile = 256 << 20;
    private readonly List<string> _candidates = [];
    private readonly Dictionary<string, (CodeSymbols? Symbols, ByteSource? Source)> _read = [];

    /// <summary>The files that may be an enclave's.</summary>
    public IReadOnlyList<string> Candidates => _candidates;

    /// <summary>A file that may be an enclave's.</summary>
    public void Note(string path)
    {
        if (_candidates.Count < MostCandidates && !path.StartsWith("/proc/", StringComparison.Ordinal)
            && !path.StartsWith("/sys/", StringComparison.Ordinal)
            && !path.StartsWith("/dev/", StringComparison.Ordinal) && !_candidates.Contains(path))
        {
            _candidates.Add(path);
        }
    }

    /// <summary>What code of an enclave is called, and in which file; null where no file has it, or two places do.</summary>
    /// <param name="code">Bytes of the page.</param>
    /// <param name="from">Where in the page they begin.</param>
    /// <param name="at">What is asked for, in the page.</param>
    /// <param name="mapped">Files to look in behind those that were noted.</param>
    public string? NameOf(ReadOnlySpan<byte> code, int from, int at, IEnumerable<string> mapped)
    {
        foreach (string path in _candidates.Concat(mapped).Distinct())
        {
            if (Symbols(path) is { } symbols && symbols.Find(code, from) is { } address
                && symbols.Find(address + (ulong)(at - from)) is { } found)
            {
                return $"{Text(found)} in {Path.GetFileName(path)}";
            }
        }

        return null;
    }

    /// <summary>What a file says of its code; null where it is no ELF file that can be read.</summary>
    public CodeSymbols? Symbols(string path)
    {
        if (_read.TryGetValue(path, out (CodeSymbols? Symbols, ByteSource? Source) known))
        {
            return known.Symbols;
        }

        ByteSource? source = null;
        try
        {
            var info = new FileInfo(path);
            if (info.Exists && (info.Attributes & FileAttributes.Device) == 0 && info.Length is > 64 and < LongestFile)
            {
                source = ByteSource.OpenFile(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            // It has no names then.
        }

        CodeSymbols? symbols = source is null ? null : CodeSymbols.Read(source);
        if (symbols is null)
        {
            source?.Dispose();
            source = null;
        }

        _read[path] = (symbols, source);
        return symbols;
    }

    /// <summary>A function, how far in it, and the line.</summary>
    public static string Text(CodePlace place) =>
        (place.Function is { } function ? place.Offset == 0 ? function : $"{function}+0x{place.Offset:x}" : "code")
        + (place.Line is { } line ? $" ({line})" : "");

    public void Dispose()
    {
        foreach ((CodeSymbols? _, ByteSource? source) in _read.Values)
        {
            source?.Dispose();
        }
    }
}
