using Cloister.Architecture;
using Cloister.Linux;

namespace Cloister.Cli.Explaining;

/// <summary>From which file each page of an enclave's code is: found by what is in it, whoever loaded it.</summary>
internal sealed class CodeOrigins : IDisposable
{
    private const int PageSize = LinearAddress.PageSize, ShortLength = 32, MostTries = 100_000;
    private readonly CodePieces _pieces;
    private readonly Dictionary<ulong, List<CodeOrigin>> _known = [];
    private readonly HashSet<(ulong Enclave, ulong Page)> _searched = [];
    private int _candidates;

    /// <summary>Knows none yet.</summary>
    public CodeOrigins() => _pieces = new CodePieces(Files);

    /// <summary>The files.</summary>
    public CodeFiles Files { get; } = new();

    /// <summary>What is known of an enclave.</summary>
    public IReadOnlyList<CodeOrigin> Of(ulong enclave) => _known.TryGetValue(enclave, out List<CodeOrigin>? known) ? known : [];

    /// <summary>Finds where a page of an enclave is from: the file that has most of it; null where no file has any.</summary>
    /// <param name="enclave">SECS.EID.</param>
    /// <param name="process">A process that has it; 0 where that is not known.</param>
    /// <param name="page">The page's address.</param>
    /// <param name="code">What is in it.</param>
    public CodeOrigin? Find(ulong enclave, int process, ulong page, ReadOnlySpan<byte> code)
    {
        (CodeOrigin? best, int least) = (null, int.MaxValue);
        foreach (CodeOrigin known in Of(enclave))
        {
            if (Differences(known, page, code) is { } differences && differences < least)
            {
                (best, least) = (known, differences);
            }
        }

        // What no file has is asked for again when there are more files.
        if (_candidates != Files.Candidates.Count)
        {
            _candidates = Files.Candidates.Count;
            _searched.Clear();
        }

        if (least == 0 || _searched.Contains((enclave, page)))
        {
            return best;
        }

        _ = _searched.Count < MostTries && _searched.Add((enclave, page));
        if (Search(process, page, code, least) is not { } found)
        {
            return best;
        }

        if (!_known.TryGetValue(enclave, out List<CodeOrigin>? all))
        {
            _known[enclave] = all = [];
        }

        all.Add(found);
        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => Files.Dispose();

    // The file's code on a page, and where on the page it begins: a file's first page may begin behind the page's.
    private static ReadOnlySpan<byte> Own(CodeOrigin origin, ulong page, out int at)
    {
        ulong start = unchecked(page - origin.Bias);
        at = 0;
        foreach ((ulong first, ulong end) in origin.Symbols.Ranges)
        {
            if (start < end && first < start + PageSize)
            {
                at = (int)(Math.Max(start, first) - start);
                ReadOnlySpan<byte> own = origin.Symbols.CodeAt(start + (ulong)at);
                return own[..Math.Min(own.Length, PageSize - at)];
            }
        }

        return [];
    }

    // How many pieces of a page are not those of a file that lies so; null where none tells that it is from there. The machine or the
    // program may have changed some of it, the rest of the page may be something else, and two builds of an enclave are alike in much.
    private static int? Differences(CodeOrigin origin, ulong page, ReadOnlySpan<byte> code)
    {
        ReadOnlySpan<byte> own = Own(origin, page, out int at);
        int differences = 0;
        bool isFrom = false;
        for (int i = 0; i + ShortLength <= own.Length; i += ShortLength)
        {
            ReadOnlySpan<byte> piece = own.Slice(i, ShortLength);
            bool isSame = piece.SequenceEqual(code.Slice(at + i, ShortLength));
            differences += isSame ? 0 : 1;
            isFrom |= isSame && CodePieces.Tells(piece);
        }

        return isFrom ? differences : null;
    }

    // One with fewer differences than so many.
    private CodeOrigin? Search(int process, ulong page, ReadOnlySpan<byte> code, int least)
    {
        CodeOrigin? best = null;
        IEnumerable<string> mapped = process == 0 ? [] : MapsLine.FilesOf(process);
        foreach (string path in Files.Candidates.Concat(mapped).Distinct())
        {
            foreach (int at in CodePieces.Offsets)
            {
                ReadOnlySpan<byte> piece = code.Slice(at, CodePieces.Length);
                if (!CodePieces.Tells(piece) || _pieces.Of(path) is not { } file
                    || !file.Pieces.TryGetValue(CodePieces.Text(piece), out ulong? own) || own is not { } address)
                {
                    continue;
                }

                var origin = new CodeOrigin(Path.GetFullPath(path), file.Symbols, unchecked(page + (ulong)at - address));
                if (Differences(origin, page, code) is { } differences && differences < least)
                {
                    (best, least) = (origin, differences);
                }
            }

            if (least == 0)
            {
                break;
            }
        }

        return best;
    }
}
