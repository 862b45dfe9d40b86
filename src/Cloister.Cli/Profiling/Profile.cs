using System.Diagnostics;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;

namespace Cloister.Cli.Profiling;

/// <summary>In which functions threads are, looked at by time, written to a file.</summary>
internal sealed class Profile : ISampler, IDriverObserver, IEngineObserver, IDisposable
{
    private const int MostStacks = 200_000;

    private readonly RewrittenFile? _file;
    private readonly bool _isPprof;
    private readonly StackWalk _walk;
    private readonly Dictionary<string, (IReadOnlyList<ProfiledFrame> Frames, long Count)> _stacks = [];
    private readonly DateTimeOffset _began = DateTimeOffset.UtcNow;
    private readonly long _since = Stopwatch.GetTimestamp();

    private Profile(Tracer tracer, string path, int inSecond, Action<string> notice, out string? problem)
    {
        (_walk, _isPprof, InSecond) = (new StackWalk(tracer.Machine), ProfileText.IsPprof(path), inSecond);
        _file = RewrittenFile.Begin(path, "profile", Content, notice, out problem);
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
        var profile = new Profile(tracer, path, inSecond, notice, out problem);
        if (problem is not null)
        {
            profile.Dispose();
            return null;
        }

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
        lock (_file!.Lock)
        {
            if (_stacks.TryGetValue(key, out (IReadOnlyList<ProfiledFrame> Frames, long Count) known) || _stacks.Count < MostStacks)
            {
                _stacks[key] = (known.Frames ?? frames, known.Count + 1);
                _file.NoteChange();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _walk.Dispose();
    }

    private byte[] Content() => _isPprof ? ProfileText.Pprof(_stacks.Values, InSecond, _began, Stopwatch.GetElapsedTime(_since))
        : ProfileText.Collapsed(_stacks.Values);
}
