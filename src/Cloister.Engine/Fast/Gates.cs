using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Processor;

namespace Cloister.Engine.Fast;

/// <summary>The gates of the fast paths. While they are shut nobody enters an enclave or accepts a page by itself,
/// and the model knows who is inside.</summary>
internal sealed class Gates(SgxMachine machine, FastSpaces spaces, Interruptions interruptions, IPlatform platform, Accepts accepts,
    Guard guard, StrictView strict)
{
    private readonly List<TracedThread> _waiting = [];
    private readonly List<Resumption> _resuming = [];
    private int _depth;

    /// <summary>Lets a thread run on that waited for the gates to open.</summary>
    public Action<TracedThread>? OnWaited { get; set; }

    /// <summary>Shuts them until disposed; what threads did by themselves is in the model then.</summary>
    /// <param name="stopped">The thread whose stop is to be answered.</param>
    public Scope Shut(TracedThread? stopped)
    {
        var scope = new Scope(this);
        if (_depth++ > 0 || !spaces.Any)
        {
            return scope;
        }

        foreach ((_, FastPath path) in spaces.All)
        {
            path.Shut();
        }

        if (stopped is not null)
        {
            spaces.Normalise(stopped);
        }

        (TracedThread Thread, FastPath Path)[] users =
            [.. spaces.All.SelectMany(of => of.Value.Threads.Select(thread => (thread, of.Value)))];
        foreach ((TracedThread thread, FastPath path) in users)
        {
            if (!thread.Stopped && path.IsBetween(thread))
            {
                StopBetween(thread);
            }

            spaces.FollowExit(thread, path);
        }

        foreach ((_, FastPath path) in spaces.All)
        {
            path.Tcss.FollowResumes(machine);
        }

        foreach ((TracedThread thread, FastPath path) in users)
        {
            path.FollowEntry(machine, thread);
            accepts.Follow(thread, path);
        }

        foreach ((AddressSpace space, FastPath path) in spaces.All)
        {
            if (path.View is { } view)
            {
                strict.Follow(space, view);
            }
        }

        return scope;
    }

    /// <summary>A thread was stopped in the middle of somebody's work: it runs on as soon as the gates are about to
    /// open, or its stop is answered then.</summary>
    public void Answer(TracedThread thread, in ProgramEvent happened, bool canRunOn)
    {
        thread.HasParkedStop = false;
        if (canRunOn)
        {
            _waiting.Add(thread);
        }
        else
        {
            platform.PutBack(thread.Held, happened);
        }
    }

    // A thread that is just entering, leaving or accepting when the gates shut is stopped for it.
    private void StopBetween(TracedThread thread)
    {
        if (interruptions.Stop(thread, out ProgramEvent happened))
        {
            Answer(thread, happened, canRunOn: happened.Kind == EventKind.Halted);
        }
    }

    /// <summary>A thread that is resumed runs on when the gates are open: sooner, its next entry would find them shut and stop.</summary>
    public void RunOn(TracedThread thread, int signal)
    {
        _ = _resuming.RemoveAll(other => other.Thread == thread);
        _resuming.Add(new Resumption(thread, signal));
        if (_depth == 0)
        {
            RunResumed();
        }
    }

    /// <summary>A thread that would run on when the gates open stands instead.</summary>
    /// <returns>The signal that it would get; null when it is none of these.</returns>
    public int? TakeBack(TracedThread thread)
    {
        int at = _resuming.FindIndex(resumed => resumed.Thread == thread);
        if (at < 0)
        {
            return null;
        }

        int signal = _resuming[at].Signal;
        _resuming.RemoveAt(at);
        return signal;
    }

    private void Open()
    {
        if (_depth == 1)
        {
            foreach (TracedThread thread in _waiting.ToArray())
            {
                guard.Run(() => OnWaited?.Invoke(thread));
            }

            _waiting.Clear();
            RunResumed();
        }

        _depth--;
    }

    private void RunResumed()
    {
        foreach (Resumption resumed in _resuming)
        {
            resumed.Thread.NoteRun(resumed.Signal);
            platform.WriteBack(resumed.Thread.Held);
        }

        foreach ((AddressSpace space, FastPath path) in spaces.All)
        {
            if (!path.IsOpen && !space.InElrange.HoldsGates && !space.IsDebugged
                && (path.View is not { } view || strict.Publish(space, view)))
            {
                path.Open();
            }
        }

        foreach (Resumption resumed in _resuming)
        {
            if (resumed.Thread.IsStepping || resumed.Thread.StepsNext)
            {
                resumed.Thread.StepsNext = false;
                platform.RunStep(resumed.Thread.Held, resumed.Signal);
            }
            else
            {
                platform.Run(resumed.Thread.Held, resumed.Signal);
            }
        }

        _resuming.Clear();
    }

    /// <summary>Opens the gates when disposed, those of the outermost scope.</summary>
    public readonly struct Scope(Gates gates) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => gates.Open();
    }

    private readonly record struct Resumption(TracedThread Thread, int Signal);
}
