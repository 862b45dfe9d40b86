using Cloister.Engine.Instructions;

namespace Cloister.Engine.Platforms;

/// <summary>The ranges of enclaves from which a filter of a process refuses system calls. Filters stay: each call of
/// the process runs all of them.</summary>
internal sealed class CoveredRanges
{
    /// <summary>So many filters at most: beyond them only what is found in the code is refused (<see cref="EnclaveCode"/>).</summary>
    public const int Most = 16;

    private readonly List<(ulong Start, ulong Size)> _ranges;

    /// <summary>None.</summary>
    public CoveredRanges() => _ranges = [];

    /// <summary>Those of a process that forked.</summary>
    public CoveredRanges(CoveredRanges parent) => _ranges = [.. parent._ranges];

    /// <summary>Whether a filter is to be added for a range: it is not covered yet, and there are not too many.</summary>
    public bool Add(ulong start, ulong size)
    {
        if (_ranges.Count >= Most || _ranges.Exists(range => start >= range.Start
            && start - range.Start <= range.Size - Math.Min(size, range.Size) && size <= range.Size))
        {
            return false;
        }

        _ranges.Add((start, size));
        return true;
    }
}
