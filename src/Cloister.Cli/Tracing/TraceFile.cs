namespace Cloister.Cli.Tracing;

/// <summary>
/// A trace on its way to a file. Whole lines go there in blocks, and none waits longer than <see cref="LongestWait"/>, so that a run that
/// is killed leaves what happened up to then. When no more can be written that is said once, the file ends in a whole line, and the run
/// goes on.
/// </summary>
internal sealed class TraceFile : ITraceSink, IDisposable
{
    private const int BlockLength = 64 * 1024;
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly Utf8Line _block = new();
    private readonly Stream _stream;
    private readonly ITraceFormat _format;
    private readonly string _path;
    private readonly Action<string> _notice;
    private readonly bool _isFile;
    private readonly Timer _timer;
    private long _written;
    private bool _broken;

    private TraceFile(Stream stream, ITraceFormat format, TraceKinds kinds, string path, Action<string> notice)
    {
        (_stream, _format, Kinds, _path, _notice) = (stream, format, kinds, path, notice);
        _isFile = stream.CanSeek;
        _timer = new Timer(_ => Flush(), null, s_longestWait, s_longestWait);
    }

    /// <summary>How long a line waits at most until it is in the file.</summary>
    public static TimeSpan LongestWait => s_longestWait;

    /// <inheritdoc/>
    public TraceKinds Kinds { get; }

    /// <summary>Whether a part of the trace is missing.</summary>
    public bool Lost => _broken;

    /// <summary>Begins a trace.</summary>
    /// <param name="path">The file; - is the output stream.</param>
    /// <param name="format">How to write it; null as the file's name says.</param>
    /// <param name="kinds">What to write.</param>
    /// <param name="header">What it says of the run.</param>
    /// <param name="notice">Where it is said that no more can be written.</param>
    /// <param name="problem">What is wrong with the file, or null.</param>
    public static TraceFile? Begin(string path, TraceFileFormat? format, TraceKinds kinds, TraceHeader header, Action<string> notice,
        out string? problem)
    {
        // The program has the output stream as well: each writes where the other has ended.
        problem = null;
        if ((path == "-" ? Console.OpenStandardOutput() : OutputFile.Open(path, out problem)) is not { } stream)
        {
            problem = $"{path}: {problem}";
            return null;
        }

        var file = new TraceFile(stream, New(format ?? TraceNames.FormatOf(path)), kinds, path, notice);
        lock (file._lock)
        {
            file._format.Begin(file._block, header);
        }

        file.Flush();
        return file;
    }

    /// <inheritdoc/>
    public void Take(in TraceEvent happened)
    {
        lock (_lock)
        {
            if (_broken)
            {
                return;
            }

            _format.Write(_block, in happened);
            if (_block.Length >= BlockLength)
            {
                WriteBlock();
            }
        }
    }

    /// <summary>The run has ended.</summary>
    public void End(long time, int? exitStatus, int? signal)
    {
        lock (_lock)
        {
            if (!_broken)
            {
                _format.End(_block, time, exitStatus, signal);
                WriteBlock();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            WriteBlock();
            _broken = true;
            _stream.Dispose();
        }
    }

    private static ITraceFormat New(TraceFileFormat format) => format switch
    {
        TraceFileFormat.JsonLines => new JsonLinesTrace(),
        TraceFileFormat.Chrome => new ChromeTrace(),
        _ => new TextTrace(),
    };

    private void Flush()
    {
        lock (_lock)
        {
            WriteBlock();
        }
    }

    private void WriteBlock()
    {
        if (_broken || _block.Length == 0)
        {
            return;
        }

        try
        {
            _stream.Write(_block.Bytes);
            _written += _block.Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _broken = true;
            KeepWholeLines();
            _notice($"trace: {_path}: {FileProblem.Of(_path, e)}: the trace ends here, and the program goes on");
        }

        _block.Clear();
    }

    // What was written of the block, up to its last line that is whole.
    private void KeepWholeLines()
    {
        if (!_isFile)
        {
            return;
        }

        try
        {
            long more = Math.Clamp(_stream.Length - _written, 0, _block.Length);
            _stream.SetLength(_written + _block.Bytes[..(int)more].LastIndexOf((byte)'\n') + 1);
        }
        catch (IOException)
        {
            // It stays as it is: its last line may be cut.
        }
    }
}
