namespace Cloister.Linux;

/// <summary>A memfd far larger than memory, of which this process maps parts when they are first reached; they stay mapped.</summary>
/// <remarks>A range of many tebibytes so costs neither its length in address space here nor a mapping for each page.</remarks>
public sealed class SparseFile : IDisposable
{
    private const long SmallestWindow = 1L << 30, MostWindows = 1024;

    private readonly MappedFile _file;
    private readonly Dictionary<long, MappedFile> _windows = [];
    private MappedFile? _last;
    private long _start, _end, _windowLength;

    /// <summary>Takes over a descriptor.</summary>
    public SparseFile(int descriptor) => _file = MappedFile.Map(descriptor, 0, 0);

    /// <summary>The descriptor in this process.</summary>
    public int Descriptor => _file.Descriptor;

    /// <summary>Whether <see cref="Limit"/> was called.</summary>
    public bool IsLimited => _end > _start;

    /// <summary>How many parts are mapped.</summary>
    public int Windows => _windows.Count;

    /// <summary>Says which range will be reached. Once.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="end">The byte behind the last.</param>
    public void Limit(long start, long end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(end, start);
        (_start, _end) = (start, end);
        _windowLength = SmallestWindow;
        while ((end - start) / _windowLength > MostWindows)
        {
            _windowLength *= 2;
        }
    }

    /// <summary>A page's bytes.</summary>
    /// <param name="offset">Its offset in the file, within the limits.</param>
    /// <param name="length">No more than to the page's end.</param>
    public Span<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(offset, _start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, _end - length);
        if (_last is not { } window || offset < window.Start || offset - window.Start > window.Length - length)
        {
            _last = window = WindowOf(offset);
        }

        return window.Slice(offset, length);
    }

    /// <inheritdoc cref="MappedFile.Punch"/>
    public void Punch(long offset, long length) => _file.Punch(offset, length);

    /// <inheritdoc cref="MappedFile.Write"/>
    public Errno Write(long offset, ReadOnlySpan<byte> bytes) => _file.Write(offset, bytes);

    /// <inheritdoc cref="MappedFile.Read"/>
    public Errno Read(long offset, Span<byte> bytes) => _file.Read(offset, bytes);

    /// <inheritdoc cref="MappedFile.Allocate"/>
    public Errno Allocate(long offset, long length) => _file.Allocate(offset, length);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MappedFile window in _windows.Values)
        {
            window.Window(0, 0);
        }

        _file.Dispose();
    }

    private MappedFile WindowOf(long offset)
    {
        long start = _start + ((offset - _start) / _windowLength * _windowLength);
        if (!_windows.TryGetValue(start, out MappedFile? window))
        {
            window = MappedFile.Map(_file.Descriptor, start, Math.Min(_windowLength, _end - start));
            _windows.Add(start, window);
        }

        return window;
    }
}
