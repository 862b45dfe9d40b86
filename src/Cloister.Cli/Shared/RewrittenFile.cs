using Cloister.Images;

namespace Cloister.Cli;

/// <summary>
/// A file whose content is known as a whole only, and is written anew every two seconds while it changes, so that a run that is killed
/// leaves what it had: who reads it finds one content or the other. A pipe gets it once, at the end.
/// </summary>
internal sealed class RewrittenFile : IDisposable
{
    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(2);

    private readonly string _path, _what;
    private readonly FileStream? _pipe;
    private readonly Func<byte[]> _content;
    private readonly Action<string> _notice;
    private readonly Timer _timer;
    private bool _changed = true, _broken;

    private RewrittenFile(string path, FileStream? pipe, string what, Func<byte[]> content, Action<string> notice)
    {
        (_path, _pipe, _what, _content, _notice) = (path, pipe, what, content, notice);
        _timer = new Timer(_ => Write(), null, pipe is null ? s_between : Timeout.InfiniteTimeSpan, s_between);
    }

    /// <summary>What is written is to change with it held: it is made by another thread.</summary>
    public Lock Lock { get; } = new();

    /// <summary>Begins one, which is empty.</summary>
    /// <param name="path">Its path; - is the standard output stream.</param>
    /// <param name="what">What it is, for notices.</param>
    /// <param name="content">Makes what is to be in it, with <see cref="Lock"/> held.</param>
    /// <param name="notice">Where it is said that it cannot be written any more.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static RewrittenFile? Begin(string path, string what, Func<byte[]> content, Action<string> notice, out string? problem)
    {
        FileStream? stream = OutputFile.Open(path == "-" ? "/dev/stdout" : path, out problem);
        if (stream is null)
        {
            problem = $"{path}: {problem}";
            return null;
        }

        bool isRewritten = path != "-" && stream.CanSeek;
        if (isRewritten)
        {
            stream.Dispose();
        }

        return new RewrittenFile(path, isRewritten ? null : stream, what, content, notice);
    }

    /// <summary>There is more. To be called with <see cref="Lock"/> held.</summary>
    public void NoteChange() => _changed = true;

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        Write();
        _pipe?.Dispose();
    }

    private void Write()
    {
        lock (Lock)
        {
            if (!_changed || _broken)
            {
                return;
            }

            _changed = false;
            byte[] bytes = _content();
            try
            {
                Put(bytes);
            }
            catch (ImageException e)
            {
                _broken = true;
                _notice($"{_what}: {e.Message}: the file stays as it is, and the program goes on");
            }
        }
    }

    private void Put(byte[] bytes)
    {
        if (_pipe is not null)
        {
            OutputFile.Writing(_path, () => _pipe.Write(bytes));
            return;
        }

        OutputFile.Replace(_path, place =>
        {
            using WholeFile whole = WholeFile.Begin(place, WholeFile.Public);
            whole.Stream.Write(bytes);
            whole.Keep(replaces: true);
        });
    }
}
