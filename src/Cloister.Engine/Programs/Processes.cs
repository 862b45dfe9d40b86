using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>The program's threads and processes: how they begin, exec and end.</summary>
internal sealed class Processes
{
    private readonly Func<int, AddressSpace> _newSpace;
    private readonly IPlatform _platform;
    private readonly IProgramObserver _observer;
    private readonly Observation _observed;
    private readonly Dictionary<int, TracedThread> _threads = [];
    private bool _hasBegun;

    public Processes(Func<int, AddressSpace> newSpace, IPlatform platform, IProgramObserver observer, Observation observed)
    {
        (_newSpace, _platform, _observer, _observed) = (newSpace, platform, observer, observed);
        Untold = new UntoldChildren(this, platform, observer);
    }

    /// <summary>Children that their parents have not told of yet.</summary>
    public UntoldChildren Untold { get; }

    /// <summary>All threads, of all processes.</summary>
    public Dictionary<int, TracedThread>.ValueCollection Threads => _threads.Values;

    /// <summary>Whether there is none, nor a child that its parent has not told of.</summary>
    public bool AreNone => _threads.Count == 0 && !Untold.Any;

    /// <summary>The thread of an id.</summary>
    public TracedThread? Find(int id) => _threads.GetValueOrDefault(id);

    /// <summary>Whether others have a thread's memory.</summary>
    public bool ShareMemory(TracedThread thread) => _threads.Values.Any(other => other != thread && other.Space == thread.Space);

    /// <summary>A thread of the process that has the most of the device mapped; null when none uses it.</summary>
    public TracedThread? LargestDeviceUser() => _threads.Values.Where(thread => thread.Process.IsDeviceUser)
        .MaxBy(thread => thread.Space.Mappings.All.Aggregate(0UL, (sum, mapping) => sum + (mapping.End - mapping.Start)));

    /// <summary>A thread that is held from now on.</summary>
    public TracedThread Add(int id, TracedProcess process) => Add(_platform.Hold(id, process), process);

    /// <summary>A thread that its platform holds already.</summary>
    public TracedThread Add(IHeldThread held, TracedProcess process)
    {
        var thread = new TracedThread(held, process);
        _threads[held.Id] = thread;
        process.Threads.Add(thread);
        const ulong never = ulong.MaxValue;
        _platform.RefuseCallsBy(held, () => _observer.FlagOfInside(thread) is not 0 and var flag ? flag : thread.Processor.EnclaveMode
            ? never : 0);
        return thread;
    }

    /// <summary>A process that is nobody's child, without a thread yet.</summary>
    public TracedProcess New(int id)
    {
        AddressSpace space = _newSpace(id);
        Use(space);
        return new TracedProcess(id, space);
    }

    /// <summary>The program that Cloister was asked to run begins without being held: none that is held is the first.</summary>
    public void BeginUnheld() => _hasBegun = true;

    /// <summary>An address space is in use by one more process.</summary>
    public static void Use(AddressSpace space) => space.Users++;

    /// <summary>Fork, vfork or clone: the child is traced like its parent, which runs on.</summary>
    public Answer Child(TracedThread parent, bool isVfork)
    {
        if (!_platform.TryGetTold(parent.Id, out int id))
        {
            // Killed since: its end says so, and its child is found then.
            throw new ThreadEndedException(parent.Id);
        }

        if (Find(id) is null && !HostKernel.IsTraced(id))
        {
            // It was adopted, for want of its parent's word, or told of its end first: all of it is over, and its
            // number may soon be another's.
            Untold.Forget(id);
            return Answer.RunOn;
        }

        if (Find(id) is null)
        {
            _platform.NoteChild(parent.Held, id);
            Begin(id, ProcessOf(id, parent, out AddressSpace? copied), copied, parent.Space, parent);
            if (Find(id) is { } child)
            {
                _platform.CopyMask(parent.Held, child.Held);
            }
        }

        Untold.Claim(id);

        _platform.NoteVfork(parent.Held, isVfork);
        return Answer.RunOn;
    }

    /// <summary>A child whose parent was killed before it told of it: a copy of its parent, which may be gone, or of
    /// nothing that is known.</summary>
    public void Adopt(int id, TracedProcess? parent)
    {
        int group = HostKernel.ThreadGroup(id) is not 0 and var found ? found : id;
        if (Threads.FirstOrDefault(thread => thread.Process.Id == group) is { } sibling)
        {
            Begin(id, sibling.Process, null, sibling.Space, null);
            return;
        }

        if (parent is null)
        {
            Begin(id, new TracedProcess(group, _newSpace(id)), null, null, null);
            return;
        }

        AddressSpace space = parent.Space;
        TracedThread? other = Threads.FirstOrDefault(thread => thread.Space == space && thread.Process != parent);
        bool shares = other is null ? space.Memory.IsAlive : HostKernel.SharesMemory(other.Id, id) ?? false;
        AddressSpace? copied = shares ? null : _observer.Copy(space, id);
        var process = new TracedProcess(group, copied ?? space)
        {
            Actions = parent.Actions.Copy(),
            FollowsMasks = parent.FollowsMasks,
            IsDeviceUser = parent.IsDeviceUser,
            HasFilters = parent.HasFilters,
            LackedFilter = parent.LackedFilter,
            Covered = new(parent.Covered),
        };
        Begin(id, process, copied, space, null);
    }

    /// <summary>Exec: the process has an address space of its own, without the enclaves of the old one.</summary>
    public TracedThread Exec(TracedProcess process, out Answer answer)
    {
        // The other threads are gone, and the one that lives has the id of the leader now, whose stops and waits were the old leader's.
        AddressSpace old = process.Space;
        bool hadOthers = process.Threads.Count > 1;
        process.Space = _newSpace(process.Id);
        Use(process.Space);
        var before = new TracedProcess(process.Id, old)
        {
            Actions = process.Actions,
            IsDeviceUser = process.IsDeviceUser,
            HasFilters = process.HasFilters,
            Covered = new(process.Covered),
        };
        process.Actions = process.Actions.AfterExec();
        foreach (TracedThread gone in process.Threads.ToArray())
        {
            gone.Process = before;
            before.Threads.Add(gone);
            _platform.ForgetParked(gone.Id);
        }

        process.Threads.Clear();
        before.MayHaveForked = hadOthers;
        foreach (TracedThread gone in before.Threads.ToArray())
        {
            Drop(gone);
        }

        TracedThread thread = Add(process.Id, process);
        bool isFirst = !_hasBegun;
        _hasBegun = true;
        _platform.NoteImage(thread.Held);
        _observed.Observer.Executed(thread);
        answer = Answer.PassThen(t => _observer.ImageBegan(t, isFirst));
        return thread;
    }

    /// <summary>A thread that execs takes the id of a leader that had ended before.</summary>
    public TracedThread? Renamed(int leader)
    {
        _ = _platform.TryGetTold(leader, out int former);
        if (!_threads.Remove(former, out TracedThread? thread))
        {
            return null;
        }

        _ = thread.Process.Threads.Remove(thread);
        _platform.Release(thread.Held);
        _observer.Ended(thread);
        return Add(leader, thread.Process);
    }

    /// <summary>A thread has ended. The gates are shut.</summary>
    public void Ended(TracedThread thread, in ProgramEvent end)
    {
        // One that was killed, alone or by another's exit, may have been in the middle of a fork.
        TracedProcess process = thread.Process;
        process.MayHaveForked |= end.EndedBy is not null || process.Threads.Count > 1;
        Drop(thread);
        _observed.Observer.ThreadEnded(thread, new ProgramEnd(end.ExitStatus, end.EndedBy));
    }

    /// <summary>All have ended without being heard of.</summary>
    public void EndAll()
    {
        foreach (TracedThread thread in _threads.Values.ToArray())
        {
            Ended(thread, default);
        }

        Untold.Clear();
    }

    private void Begin(int id, TracedProcess process, AddressSpace? copied, AddressSpace? parent, TracedThread? maker)
    {
        if (process.Threads.Count == 0)
        {
            Use(process.Space);
        }

        TracedThread child = Add(id, process);
        _platform.NoteRuns(child.Held);
        child.IsNewFork = copied is not null;
        child.IsNewSharer = copied is null;
        if (copied is not null && parent is not null)
        {
            _observer.Copied(child, parent, maker);
        }

        _observed.Observer.ThreadBegan(child, maker);
    }

    private TracedProcess ProcessOf(int id, TracedThread parent, out AddressSpace? copied)
    {
        copied = null;
        if (HostKernel.ThreadGroup(id) == parent.Process.Id)
        {
            return parent.Process;
        }

        // Not the leader's memory: it may have ended. Without kcmp what the parent asked for tells.
        const ulong sharesMemory = 0x100, sharesHandlers = 0x800;
        ulong flags = CloneFlags(parent);
        AddressSpace space = parent.Space;
        if (!(HostKernel.SharesMemory(parent.Id, id) ?? (flags & sharesMemory) != 0))
        {
            copied = space = _observer.Copy(parent.Space, id);
        }

        return new TracedProcess(id, space)
        {
            Actions = (flags & sharesHandlers) != 0 ? parent.Process.Actions : parent.Process.Actions.Copy(),
            FollowsMasks = parent.Process.FollowsMasks,
            IsDeviceUser = parent.Process.IsDeviceUser,
            HasFilters = parent.Process.HasFilters,
            LackedFilter = parent.Process.LackedFilter,
            Covered = new(parent.Process.Covered),
        };
    }

    // CLONE_ flags of the call that the parent is in: uapi linux/sched.h.
    private static ulong CloneFlags(TracedThread parent)
    {
        const ulong memoryUntilExec = 0x4100;
        ref readonly UserRegisters r = ref parent.Peek();
        Span<byte> flags = stackalloc byte[8]; // struct clone_args begins with them
        return (long)r.OrigRax switch
        {
            SystemCall.Clone => r.Rdi,
            SystemCall.Vfork => memoryUntilExec,
            SystemCall.Clone3 when parent.Space.Memory.TryRead(r.Rdi, flags) => BitConverter.ToUInt64(flags),
            _ => 0,
        };
    }

    private void Drop(TracedThread thread)
    {
        _ = _threads.Remove(thread.Id);
        _platform.Release(thread.Held);
        _observer.Ended(thread);
        _observer.Gone(thread);
        TracedProcess process = thread.Process;
        _ = process.Threads.Remove(thread);
        if (process.Space.Memory.Thread == thread.Id && Threads.FirstOrDefault(other => other.Space == process.Space) is { } other)
        {
            process.Space.Memory.Thread = other.Id;
        }

        if (process.Threads.Count == 0 && !_threads.ContainsKey(process.Id))
        {
            if (process.MayHaveForked)
            {
                Untold.Expect(process);
            }

            process.Actions.Dispose();
            Leave(process.Space);
        }
    }

    /// <summary>A process has left an address space.</summary>
    public void Leave(AddressSpace space)
    {
        if (--space.Users == 0)
        {
            _observer.Left(space);
            space.Dispose();
        }
    }
}
