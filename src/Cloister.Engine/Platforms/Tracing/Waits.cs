using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>What wait4 tells of the program's threads, and what it told of one while another was waited for.</summary>
/// <remarks>
/// Nobody waits for one thread alone: its stop may depend on another's end, which is not over before the tracer has taken it. A thread that
/// execs waits in the kernel for the ends of all others (fs/exec.c, de_thread). What is parked counts as if the kernel had not told it yet.
/// </remarks>
internal sealed class Waits
{
    private readonly LinkedList<ProgramEvent> _parked = [];

    /// <summary>Whether something is parked that may be taken.</summary>
    public bool Any => FirstToTake() is not null;

    /// <summary>Threads of which only an end may be taken; null for none.</summary>
    public Predicate<int>? Stays { get; set; }

    /// <summary>Keeps a stop or an end for later.</summary>
    public void Park(in ProgramEvent happened) => _parked.AddLast(happened);

    /// <summary>The same, of what wait4 said.</summary>
    public void Park(int thread, WaitStatus status) => Park(TracedEvent.Of(thread, status));

    /// <summary>Puts a stop back that was met while something else was waited for.</summary>
    public void PutBack(IHeldThread thread, in ProgramEvent happened)
    {
        thread.HasParkedStop = true;
        Return(happened);
    }

    /// <summary>Keeps for later what was taken already.</summary>
    /// <remarks>It may have been taken from among what is parked, and what stands behind its place can be about
    /// another thread that has the number since: so an end comes before all else, and a stop before what its own thread did then. A stop
    /// does not come before another's end: its answer may have been cut short by that, and would be again.</remarks>
    public void Return(in ProgramEvent happened)
    {
        if (happened.Kind == EventKind.Ended)
        {
            _parked.AddFirst(happened);
        }
        else if (First(happened.Thread) is { } later)
        {
            _ = _parked.AddBefore(later, happened);
        }
        else
        {
            _parked.AddLast(happened);
        }
    }

    /// <summary>Takes what is parked first.</summary>
    public bool TryTake(out ProgramEvent happened)
    {
        happened = default;
        if (FirstToTake() is not { } first)
        {
            return false;
        }

        happened = first.Value;
        _parked.Remove(first);
        return true;
    }

    /// <summary>Takes what is parked first for a thread.</summary>
    public bool TryTake(int thread, out WaitStatus status)
    {
        if (First(thread) is { } node)
        {
            status = TracedEvent.StatusOf(node.Value);
            _parked.Remove(node);
            return true;
        }

        status = default;
        return false;
    }

    /// <summary>Whether a thread's end was taken from the kernel and is not told yet: its number may be another's already.</summary>
    public bool HasEnded(int thread)
    {
        for (LinkedListNode<ProgramEvent>? node = _parked.First; node is not null; node = node.Next)
        {
            if (node.Value.Thread == thread && node.Value.Kind == EventKind.Ended)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether something is parked for a thread.</summary>
    public bool Has(int thread) => First(thread) is not null;

    /// <summary>Drops what is parked for a thread that is gone; what stands behind its end is of the next that has its number.</summary>
    public void Forget(int thread)
    {
        while (TryTake(thread, out WaitStatus status) && status.Stopped)
        {
        }
    }

    /// <summary>Parks all that the kernel has to tell now.</summary>
    /// <remarks>A process that has ended is there for its parent's wait only when the tracer has taken its end.
    /// kernel/exit.c, wait_consider_task.</remarks>
    public void TakeAll()
    {
        while (Ptrace.Wait(-1, block: false, out WaitStatus status) is > 0 and var thread)
        {
            Park(thread, status);
        }
    }

    /// <summary>Waits for a thread's next stop or its end; other threads' are parked.</summary>
    /// <returns>Its id, or minus an errno; also when it is dead and its end will be told later.</returns>
    public int For(IHeldThread thread, out WaitStatus status) => For(thread, mayWait: false, out status);

    /// <summary>Waits for the stop of a thread that was interrupted.</summary>
    /// <remarks>
    /// One that is in a system call where only a signal that ends it wakes it up may be there for as long as another
    /// thread of its program does nothing, which may be held by now. It stops before it is back in user mode, so it need not be waited for
    /// (kernel/entry/common.c, exit_to_user_mode_loop); and it stands behind SYSCALL. One that is in a page fault stands at any
    /// instruction, and gets on by itself. One that forks copies the memory that its holder is about to change: only when it waits for long
    /// does it wait for somebody to read of it (userfaultfd(2), UFFD_FEATURE_EVENT_FORK).
    /// </remarks>
    /// <returns>Its id, or minus an errno; also when it is dead and its end will be told later. 0 when it is in the
    /// kernel and stops later.</returns>
    public int ForInterrupted(IHeldThread thread, out WaitStatus status) => For(thread, mayWait: true, out status);

    /// <summary>Takes what is parked of a thread.</summary>
    public bool TryTake(IHeldThread thread, out ProgramEvent happened)
    {
        happened = default;
        if (First(thread.Id) is not { Value.Kind: not EventKind.Ended } first)
        {
            return false;
        }

        happened = first.Value;
        _parked.Remove(first);
        return true;
    }

    private LinkedListNode<ProgramEvent>? FirstToTake()
    {
        LinkedListNode<ProgramEvent>? node = _parked.First;
        while (node is { Value.Kind: not EventKind.Ended } && Stays?.Invoke(node.Value.Thread) == true)
        {
            node = node.Next;
        }

        return node;
    }

    private LinkedListNode<ProgramEvent>? First(int thread)
    {
        LinkedListNode<ProgramEvent>? node = _parked.First;
        while (node is not null && node.Value.Thread != thread)
        {
            node = node.Next;
        }

        return node;
    }

    private int For(IHeldThread thread, bool mayWait, out WaitStatus status)
    {
        if (TryTake(thread.Id, out status))
        {
            return thread.Id;
        }

        // A leader's end is told when the ends of its other threads were taken, which may be never. "delay_group_leader" in kernel/exit.c.
        bool mayBeTold = thread.Id != thread.Process.Id || thread.Process.Held.Count <= 1;
        const int looksWithoutSleep = 256, looksPerCheck = 64, looksAtFork = 200; // of them each 64 naps: a second
        int waits = 0;
        for (int looks = 1; ; looks++)
        {
            int waited = Ptrace.Wait(-1, block: mayBeTold && !mayWait, out status);
            if (waited < 0 || waited == thread.Id)
            {
                return waited;
            }

            if (waited > 0)
            {
                Park(waited, status);
                if (status.Event == PtraceEvent.Exec && waited == thread.Process.Id)
                {
                    // Another thread of its process has become the leader, or this one, which has the leader's id
                    // now. ptrace(2), "execve(2) under ptrace".
                    return -(int)Errno.ESRCH;
                }

                continue;
            }

            if (looks % looksPerCheck == 0)
            {
                string state = HostKernel.StatusField(thread.Id, "State:") ?? "Z";
                if (state.StartsWith('Z'))
                {
                    return -(int)Errno.ESRCH;
                }

                waits = state.StartsWith('D') ? waits + 1 : 0;
                if (mayWait && waits > 0 && (HostKernel.SystemCallOf(thread.Id) is { } call
                    && (!ForkingCalls.Contains(call) || waits > looksAtFork)))
                {
                    return 0;
                }
            }

            HostKernel.Rest(looks < looksWithoutSleep ? 0 : 50);
        }
    }
}
