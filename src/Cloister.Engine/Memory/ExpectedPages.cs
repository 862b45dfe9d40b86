namespace Cloister.Engine.Memory;

/// <summary>Pages in a row that were written to an enclave's file before EADD comes to them, one after the other.</summary>
internal struct ExpectedPages
{
    private const int PageLength = 4096;
    private ReadOnlyMemory<byte> _contents;
    private ulong _next, _end;
    private bool _lastIsUntouched;

    /// <summary>They have these contents from now on.</summary>
    public void Begin(ulong offset, ReadOnlyMemory<byte> contents)
    {
        (_next, _end, _contents) = (offset, offset + (ulong)contents.Length, contents);
        _lastIsUntouched = false;
    }

    /// <summary>No more of them will come.</summary>
    /// <returns>Those that did not, by their offsets; an empty range when all did.</returns>
    public (ulong Start, ulong End) End()
    {
        (ulong Start, ulong End) rest = (_next, _end);
        this = default;
        return rest;
    }

    /// <summary>A page is filled. False when it was not expected: its bytes are not there.</summary>
    public bool Take(ulong offset)
    {
        _lastIsUntouched = offset == _next && offset < _end;
        _next += _lastIsUntouched ? (ulong)PageLength : 0;
        return _lastIsUntouched;
    }

    /// <summary>Somebody may write to a page.</summary>
    public void Touch(ulong offset) => _lastIsUntouched &= offset + PageLength != _next;

    /// <summary>What the page taken last was filled with, unless it was touched since; empty for any other.</summary>
    public readonly ReadOnlySpan<byte> LastTaken(ulong offset) =>
        _lastIsUntouched && offset + PageLength == _next ? _contents.Span.Slice(_contents.Length - (int)(_end - _next) - PageLength,
        PageLength) : default;
}
