using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;

namespace Cloister.Engine.Programs;

/// <summary>Stops threads that run, to hold them for a moment or for what their stopper has to do with them.</summary>
internal sealed class Interruptions(Processes processes, IPlatform platform, IProgramObserver observer, Guard guard)
{
    /// <summary>Lets a thread run on that was held.</summary>
    public Action<TracedThread>? OnReleased { get; set; }

    /// <summary>Stops all other threads that share a thread's memory, until disposed. What waits in the kernel stops
    /// on its way back.</summary>
    public IDisposable HoldOthers(TracedThread thread) => HoldAll(thread.Space, except: thread);

    /// <summary>Stops all threads of an address space but one, until disposed.</summary>
    public IDisposable HoldAll(AddressSpace space, TracedThread except)
    {
        var held = new List<TracedThread>();
        TracedThread[] others = [.. processes.Threads.Where(other => other != except && other.Space == space && CanBeHeld(other))];
        InterruptAll(others);
        foreach (TracedThread other in others)
        {
            if (CanBeHeld(other))
            {
                Hold(other, held);
            }
        }

        return new HeldThreads(this, held);
    }

    /// <summary>Stops a thread until disposed.</summary>
    public IDisposable Hold(TracedThread thread)
    {
        var held = new List<TracedThread>();
        if (CanBeHeld(thread))
        {
            Hold(thread, held);
        }

        return new HeldThreads(this, held);
    }

    // A new thread runs nothing before its first stop was answered, and what prepares it must not be lost.
    private static bool CanBeHeld(TracedThread thread) => !thread.Stopped && !thread.AwaitsVfork && !thread.IsNewFork
        && !thread.IsNewSharer;

    /// <summary>Tells threads to stop that will be waited for: each has to get a core before it stops, and so none
    /// waits for another's time slice.</summary>
    public void InterruptAll(TracedThread[] threads)
    {
        if (threads.Length < 2)
        {
            return;
        }

        foreach (TracedThread thread in threads)
        {
            platform.Interrupt(thread.Held);
        }
    }

    /// <summary>Stops a thread that runs, for as long as its stopper wants; what waits in the kernel stops on its way back.</summary>
    /// <returns>False when it does not stand now.</returns>
    public bool TryStop(TracedThread thread, out ProgramEvent happened)
    {
        happened = default;
        if (!CanBeHeld(thread) || !Stop(thread, out happened, mayWait: true))
        {
            return false;
        }

        observer.Held(thread);
        return true;
    }

    private void Hold(TracedThread thread, List<TracedThread> held)
    {
        if (!Stop(thread, out ProgramEvent happened, mayWait: true))
        {
            return;
        }

        observer.Held(thread);

        if (happened.Kind == EventKind.Halted)
        {
            held.Add(thread);
        }
        else
        {
            platform.PutBack(thread.Held, happened);
        }
    }

    /// <summary>Stops a thread and says what it met.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="happened">What it met; it may be something that happened just then.</param>
    /// <param name="mayWait">Whether it will do where the thread waits in the kernel, and stops on its way back.</param>
    /// <returns>False when it was killed instead, or waits in the kernel.</returns>
    public bool Stop(TracedThread thread, out ProgramEvent happened, bool mayWait = false)
    {
        switch (platform.Halt(thread.Held, mayWait, out happened))
        {
            case HaltResult.Stands:
                observer.Halted(thread);
                return true;
            case HaltResult.Gone:
                observer.Gone(thread);
                return false;
            default:
                return false;
        }
    }

    private void Release(TracedThread thread) => guard.Run(() => OnReleased?.Invoke(thread));

    private sealed class HeldThreads(Interruptions interruptions, List<TracedThread> threads) : IDisposable
    {
        public void Dispose()
        {
            foreach (TracedThread thread in threads)
            {
                interruptions.Release(thread);
            }
        }
    }
}
