using Cloister.Architecture;
using Cloister.Engine.Instructions;
using Cloister.Images.Symbols;

namespace Cloister.Cli.Covering;

/// <summary>What was executed of the code of one file.</summary>
internal sealed class CoveredFile
{
    // A block is the enclave's where so many bytes are the file's.
    private const int CompareLength = 8;
    private readonly CodeSymbols _symbols;
    private readonly ulong[] _blocks;
    private readonly bool[] _isThere, _isReached;

    /// <summary>Nothing of it was executed yet.</summary>
    public CoveredFile(CodeSymbols symbols)
    {
        _symbols = symbols;
        var blocks = new SortedSet<ulong>();
        ulong[] roots = [.. symbols.Functions.Select(function => function.Start), .. symbols.Lines.Where(row => row.File is not null)
            .Select(row => row.Address)];
        foreach ((ulong start, _) in symbols.Ranges)
        {
            blocks.UnionWith(CodeBlocks.Find(symbols.CodeAt(start).ToArray(), start, roots));
        }

        _blocks = [.. blocks];
        (_isThere, _isReached) = (new bool[_blocks.Length], new bool[_blocks.Length]);
    }

    /// <summary>An enclave has a page of it.</summary>
    /// <param name="page">The page, as an address of the file's own.</param>
    /// <param name="code">What is in it.</param>
    /// <returns>The blocks on it that were not executed yet, as addresses of the file's own.</returns>
    public List<ulong> Note(ulong page, ReadOnlySpan<byte> code)
    {
        var left = new List<ulong>();
        int first = Array.BinarySearch(_blocks, page);
        for (int i = first < 0 ? ~first : first; i < _blocks.Length && _blocks[i] - page < LinearAddress.PageSize; i++)
        {
            ulong end = Math.Min(page + LinearAddress.PageSize, _blocks[i] + CompareLength);
            if (i + 1 < _blocks.Length)
            {
                end = Math.Min(end, _blocks[i + 1]);
            }

            int length = (int)(end - _blocks[i]);
            ReadOnlySpan<byte> own = _symbols.CodeAt(_blocks[i]);
            if (own.Length >= length && own[..length].SequenceEqual(code.Slice((int)(_blocks[i] - page), length)))
            {
                _isThere[i] = true;
                if (!_isReached[i])
                {
                    left.Add(_blocks[i]);
                }
            }
        }

        return left;
    }

    /// <summary>A block was executed.</summary>
    /// <param name="address">The file's own address.</param>
    /// <returns>Whether that is new.</returns>
    public bool Reach(ulong address)
    {
        int index = Array.BinarySearch(_blocks, address);
        // Another file of the enclave's may have it at that address.
        bool isNew = index >= 0 && _isThere[index] && !_isReached[index];
        if (isNew)
        {
            _isReached[index] = true;
        }

        return isNew;
    }

    /// <summary>The lines of its sources that an enclave has code of.</summary>
    /// <returns>By file of sources: lines, with whether they were executed, and functions with the line where they begin.</returns>
    public SortedDictionary<string, CoveredSource> Sources()
    {
        var sources = new SortedDictionary<string, CoveredSource>(StringComparer.Ordinal);
        (ulong Address, string? File, int Line)[] rows = [.. _symbols.Lines];
        for (int i = 0, row = -1; i < _blocks.Length; i++)
        {
            while (row + 1 < rows.Length && rows[row + 1].Address <= _blocks[i])
            {
                row++;
            }

            if (_isThere[i] && row >= 0 && rows[row] is { File: { } file, Line: > 0 and var line })
            {
                Source(sources, file).NoteLine(line, _isReached[i]);
            }
        }

        foreach ((string name, ulong start, _) in _symbols.Functions)
        {
            int index = Array.BinarySearch(_blocks, start);
            int row = index < 0 ? -1 : LastAt(rows, start);
            if (index >= 0 && _isThere[index] && row >= 0 && rows[row] is { File: { } file, Line: > 0 and var line })
            {
                Source(sources, file).NoteFunction(name, line, _isReached[index]);
            }
        }

        return sources;
    }

    private static CoveredSource Source(SortedDictionary<string, CoveredSource> sources, string file)
    {
        if (!sources.TryGetValue(file, out CoveredSource? source))
        {
            sources[file] = source = new CoveredSource();
        }

        return source;
    }

    private static int LastAt((ulong Address, string? File, int Line)[] rows, ulong address)
    {
        int low = 0, high = rows.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            (low, high) = rows[middle].Address <= address ? (middle + 1, high) : (low, middle - 1);
        }

        return high;
    }
}
