namespace Cloister.Cli.Explaining;

/// <summary>Pieces of the code of files, to find in memory what is from which file.</summary>
/// <param name="files">The files.</param>
internal sealed class CodePieces(CodeFiles files)
{
    /// <summary>Bytes of a piece.</summary>
    public const int Length = 64;

    // A piece of zeros or of padding is in no place that tells.
    private const int FewestValues = 9;
    private readonly Dictionary<string, FileCode?> _code = [];

    /// <summary>Where in a page pieces begin: the fast engine's jumps stand in some, where ENCLU was.</summary>
    public static IReadOnlyList<int> Offsets { get; } =
        [0, Length, 2 * Length, 4 * Length, 8 * Length, 16 * Length, 32 * Length, 48 * Length];

    /// <summary>A file's code; null where it is no ELF file that can be read.</summary>
    public FileCode? Of(string path)
    {
        if (_code.TryGetValue(path, out FileCode? known))
        {
            return known;
        }

        FileCode? code = null;
        if (files.Symbols(path) is { } symbols)
        {
            var pieces = new Dictionary<string, ulong?>();
            foreach ((ulong address, ReadOnlyMemory<byte> bytes) in symbols.Pieces(Offsets, Length))
            {
                if (Tells(bytes.Span))
                {
                    string piece = Text(bytes.Span);
                    pieces[piece] = pieces.ContainsKey(piece) ? null : address;
                }
            }

            code = new FileCode(symbols, pieces);
        }

        _code[path] = code;
        return code;
    }

    /// <summary>A piece as <see cref="FileCode.Pieces"/> has it.</summary>
    public static string Text(ReadOnlySpan<byte> piece) => Convert.ToHexString(piece);

    /// <summary>Whether a piece is one to find code by.</summary>
    public static bool Tells(ReadOnlySpan<byte> bytes)
    {
        Span<bool> seen = stackalloc bool[256];
        int values = 0;
        foreach (byte value in bytes)
        {
            values += seen[value] ? 0 : 1;
            seen[value] = true;
        }

        return values >= FewestValues;
    }
}
