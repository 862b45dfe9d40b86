using System.Diagnostics;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;
using Cloister.Images;

namespace Cloister.Cli.Profiling;

/// <summary>
/// In which functions threads are, looked at by time, written to a file. It is written again and again, so that a run that is killed leaves
/// what it had.
/// </summary>
internal sealed class Profile : ISampler, IDriverObserver, IEngineObserver, IDisposable
{
    private const int MostStacks = 200_000;
    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(2);

    private readonly RewrittenFile _file;
    private readonly Action<string> _notice;
    private readonly bool _isPprof;
    private readonly StackWalk _walk;
    private readonly Dictionary<string, (IReadOnlyList<ProfiledFrame> Frames, long Count)> _stacks = [];
    private readonly DateTimeOffset _began = DateTimeOffset.UtcNow;
    private readonly long _since = Stopwatch.GetTimestamp();
    private readonly Lock _lock = new(); // the tracer's thread notes, and a timer's writes
    private readonly Timer _timer;
    private bool _changed = true, _broken;

    private Profile(Tracer tracer, RewrittenFile file, bool isPprof, int inSecond, Action<string> notice)
    {
        (_walk, _file, _isPprof, InSecond, _notice) = (new StackWalk(tracer.Machine), file, isPprof, inSecond, notice);
        _timer = new Timer(_ => Write(), null, file.IsRewritten ? s_between : Timeout.InfiniteTimeSpan, s_between);
    }

    /// <inheritdoc/>
    public int InSecond { get; }

    /// <summary>Begins to look at a machine that runs nothing yet.</summary>
    /// <param name="tracer">The machine.</param>
    /// <param name="path">The file, whose name says the format.</param>
    /// <param name="inSecond">How often in a second.</param>
    /// <param name="against">A file that may be an enclave's; null for none.</param>
    /// <param name="notice">Where it is said that the file cannot be written any more.</param>
    /// <param name="problem">What is wrong with the file, or null.</param>
    public static Profile? Begin(Tracer tracer, string path, int inSecond, string? against, Action<string> notice, out string? problem)
    {
        if (RewrittenFile.Begin(path, out problem) is not { } file)
        {
            return null;
        }

        var profile = new Profile(tracer, file, ProfileText.IsPprof(path), inSecond, notice);
        if (against is not null)
        {
            profile._walk.Files.Note(against);
        }

        tracer.Sampler = profile;
        return profile;
    }

    /// <inheritdoc/>
    public void FileOpening(IObservedThread thread, string path) => _walk.Files.Note(path);

    /// <inheritdoc/>
    public void Sampled(IObservedThread thread)
    {
        List<ProfiledFrame> frames = _walk.Of(thread);
        if (frames.Count == 0)
        {
            frames.Add(new ProfiledFrame("?", "", null));
        }

        string key = string.Join('\n', frames.Select(frame => $"{frame.Function}\t{frame.Source}\t{frame.File}"));
        lock (_lock)
        {
            if (_stacks.TryGetValue(key, out (IReadOnlyList<ProfiledFrame> Frames, long Count) known) || _stacks.Count < MostStacks)
            {
                _stacks[key] = (known.Frames ?? frames, known.Count + 1);
                _changed = true;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        Write();
        _file.Dispose();
        _walk.Dispose();
    }

    private void Write()
    {
        lock (_lock)
        {
            if (!_changed || _broken)
            {
                return;
            }

            _changed = false;
            try
            {
                _file.Write(_isPprof ? ProfileText.Pprof(_stacks.Values, InSecond, _began, Stopwatch.GetElapsedTime(_since))
                    : ProfileText.Collapsed(_stacks.Values));
            }
            catch (ImageException e)
            {
                _broken = true;
                _notice($"profile: {e.Message}: the file stays as it is, and the program goes on");
            }
        }
    }
}
