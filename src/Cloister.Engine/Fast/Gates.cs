using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Fast;

/// <summary>The gates of the fast paths. While they are shut nobody enters an enclave or accepts a page by itself, and the model knows who is inside.</summary>
internal sealed class Gates(Tracer tracer)
{
    private readonly List<TracedThread> _waiting = [];
    private readonly List<Resumption> _resuming = [];
    private int _depth;

    /// <summary>Shuts them until disposed; what threads did by themselves is in the model then.</summary>
    /// <param name="stopped">The thread whose stop is to be answered.</param>
    public Scope Shut(TracedThread? stopped)
    {
        var scope = new Scope(this);
        if (_depth++ > 0 || !tracer.Files.Spaces.Any(space => space.Fast is not null))
        {
            return scope;
        }

        foreach (AddressSpace space in tracer.Files.Spaces)
        {
            space.Fast?.Shut();
        }

        if (stopped is not null)
        {
            stopped.LeftStub |= stopped.Space.Fast?.Stubs.Normalise(stopped) ?? false;
        }

        TracedThread[] users = [.. tracer.Processes.Threads.Where(t => t.FastSlot >= 0 && t.Space.Fast is not null)];
        foreach (TracedThread thread in users)
        {
            if (!thread.Stopped && thread.Space.Fast!.IsBetween(thread))
            {
                tracer.Interruptions.StopBetween(thread);
            }

            FollowExit(thread);
        }

        foreach (AddressSpace space in tracer.Files.Spaces)
        {
            space.Fast?.Tcss.FollowResumes(tracer.Machine);
        }

        foreach (TracedThread thread in users)
        {
            thread.Space.Fast!.FollowEntry(tracer.Machine, thread);
            tracer.Accepts.Follow(thread);
        }

        return scope;
    }

    /// <summary>The model follows an exit that a thread made by itself.</summary>
    public void FollowExit(TracedThread thread)
    {
        TellUse(thread);
        thread.Space.Fast?.FollowExit(tracer.Machine, thread);
    }

    /// <summary>The observer hears what a thread did by itself, which the model is about to follow, or cannot any more.</summary>
    public void TellUse(TracedThread thread)
    {
        if (thread.Space.Fast?.UseBy(thread) is (var entries, var resumptions, var exits) && (entries != 0 || resumptions != 0 || exits != 0))
        {
            tracer.Observer.FastPathsUsed(thread, entries, resumptions, exits);
        }
    }

    /// <summary>A stopped thread is resumed as soon as the gates are about to open.</summary>
    public void ResumeLater(TracedThread thread) => _waiting.Add(thread);

    /// <summary>A thread that is resumed runs on when the gates are open: sooner, its next entry would find them shut and stop.</summary>
    public void RunOn(TracedThread thread, int signal)
    {
        _ = _resuming.RemoveAll(other => other.Thread == thread);
        _resuming.Add(new Resumption(thread, signal, WatchesExit: thread.AtSystemCallExit is not null));
        if (_depth == 0)
        {
            RunResumed();
        }
    }

    private void Open()
    {
        if (_depth == 1)
        {
            foreach (TracedThread thread in _waiting.ToArray())
            {
                tracer.Guard(() => tracer.Loop.RunOn(thread));
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
            _ = resumed.Thread.Store();
            resumed.Thread.NoteRan();
        }

        foreach (AddressSpace space in tracer.Files.Spaces)
        {
            if (!space.InElrange.HoldsGates)
            {
                space.Fast?.Open();
            }
        }

        foreach (Resumption resumed in _resuming)
        {
            _ = resumed.WatchesExit ? Ptrace.ContinueToSyscall(resumed.Thread.Id, resumed.Signal) : Ptrace.Continue(resumed.Thread.Id, resumed.Signal);
        }

        _resuming.Clear();
    }

    /// <summary>Opens the gates when disposed, those of the outermost scope.</summary>
    public readonly struct Scope(Gates gates) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => gates.Open();
    }

    private readonly record struct Resumption(TracedThread Thread, int Signal, bool WatchesExit);
}
