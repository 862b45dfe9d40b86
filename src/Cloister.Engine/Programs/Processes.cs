using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>The program's threads and processes: how they begin, exec and end.</summary>
internal sealed class Processes(Tracer tracer)
{
    private readonly Dictionary<int, TracedThread> _threads = [];
    private bool _hasBegun;

    /// <summary>All threads, of all processes.</summary>
    public Dictionary<int, TracedThread>.ValueCollection Threads => _threads.Values;

    /// <summary>Whether there is none, nor a child that its parent has not told of.</summary>
    public bool AreNone => _threads.Count == 0 && !tracer.Untold.Any;

    /// <summary>The thread of an id.</summary>
    public TracedThread? Find(int id) => _threads.GetValueOrDefault(id);

    /// <summary>Whether others have a thread's memory.</summary>
    public bool ShareMemory(TracedThread thread) => _threads.Values.Any(other => other != thread && other.Space == thread.Space);

    /// <summary>A thread of the process that has the most of the device mapped; null when none uses it.</summary>
    public TracedThread? LargestDeviceUser() => _threads.Values.Where(thread => thread.Process.IsDeviceUser)
        .MaxBy(thread => thread.Space.Mappings.All.Aggregate(0UL, (sum, mapping) => sum + (mapping.End - mapping.Start)));

    /// <summary>A thread that is traced from now on.</summary>
    public TracedThread Add(int id, TracedProcess process)
    {
        var thread = new TracedThread(id, process, tracer.Waits);
        _threads[id] = thread;
        process.Threads.Add(thread);
        return thread;
    }

    /// <summary>An address space is in use by one more process.</summary>
    public static void Use(AddressSpace space) => space.Users++;

    /// <summary>Fork, vfork or clone: the child is traced like its parent, which runs on.</summary>
    public Answer Child(TracedThread parent, bool isVfork)
    {
        if (Ptrace.GetEventMessage(parent.Id, out ulong message) != Errno.None)
        {
            // Killed since: its end says so, and its child is found then.
            throw new ThreadEndedException(parent.Id);
        }

        int id = (int)message;
        if (Find(id) is null && !HostKernel.IsTraced(id))
        {
            // It was adopted, for want of its parent's word, or told of its end first: all of it is over, and its number may soon be another's.
            tracer.Untold.Forget(id);
            return Answer.RunOn;
        }

        if (Find(id) is null)
        {
            tracer.Cores.Inherit(parent, id);
            Begin(id, ProcessOf(id, parent, out AddressSpace? copied), copied, parent.Space.Fast, parent.FastSlot, parent);
            if (Find(id) is { } child)
            {
                child.Mask = parent.Mask;
            }
        }

        tracer.Untold.Claim(id);

        // It does not stop, and runs nothing, until the child execs or ends.
        parent.AwaitsVfork = isVfork;
        return Answer.RunOn;
    }

    /// <summary>A child whose parent was killed before it told of it: a copy of its parent, which may be gone, or of nothing that is known.</summary>
    public void Adopt(int id, TracedProcess? parent)
    {
        int group = HostKernel.ThreadGroup(id) is not 0 and var found ? found : id;
        if (Threads.FirstOrDefault(thread => thread.Process.Id == group) is { } sibling)
        {
            Begin(id, sibling.Process, null, null, -1);
            return;
        }

        if (parent is null)
        {
            Begin(id, new TracedProcess(group, new AddressSpace(tracer.Machine, id)), null, null, -1);
            return;
        }

        AddressSpace space = parent.Space;
        TracedThread? other = Threads.FirstOrDefault(thread => thread.Space == space && thread.Process != parent);
        bool shares = other is null ? space.Memory.IsAlive : HostKernel.SharesMemory(other.Id, id) ?? false;
        AddressSpace? copied = shares ? null : tracer.RealMappings.Copy(space, id);
        var process = new TracedProcess(group, copied ?? space)
        {
            Actions = parent.Actions.Copy(),
            FollowsMasks = parent.FollowsMasks,
            IsDeviceUser = parent.IsDeviceUser,
            HasFilters = parent.HasFilters,
            Covered = parent.Covered,
        };
        Begin(id, process, copied, space.Fast, -1);
    }

    /// <summary>Exec: the process has an address space of its own, without the enclaves of the old one.</summary>
    public TracedThread Exec(TracedProcess process, out Answer answer)
    {
        // The other threads are gone, and the one that lives has the id of the leader now, whose stops and waits were the old leader's.
        AddressSpace old = process.Space;
        bool hadOthers = process.Threads.Count > 1;
        process.Space = new AddressSpace(tracer.Machine, process.Id);
        Use(process.Space);
        var before = new TracedProcess(process.Id, old) { Actions = process.Actions, IsDeviceUser = process.IsDeviceUser, HasFilters = process.HasFilters, Covered = process.Covered };
        process.Actions = process.Actions.AfterExec();
        foreach (TracedThread gone in process.Threads.ToArray())
        {
            gone.Process = before;
            before.Threads.Add(gone);
            tracer.Waits.Forget(gone.Id);
        }

        process.Threads.Clear();
        before.MayHaveForked = hadOthers;
        foreach (TracedThread gone in before.Threads.ToArray())
        {
            Drop(gone);
        }

        TracedThread thread = Add(process.Id, process);
        bool fast = tracer.Options.Mode == EngineMode.Fast, isFirst = !_hasBegun;
        _hasBegun = true;
        tracer.Cores.NoteExec(thread);
        tracer.Observer.Executed(thread);
        answer = Answer.PassThen(t =>
        {
            ExecSetup.Prepare(t, fast, isFirst, tracer.Options.Cpuid, tracer.Notice);

            // The kernel lets go of the old image's files when the thread is back in user mode.
            tracer.Files.CheckLifetimes(null);
        });
        return thread;
    }

    /// <summary>A thread that execs takes the id of a leader that had ended before.</summary>
    public TracedThread? Renamed(int leader)
    {
        _ = Ptrace.GetEventMessage(leader, out ulong former);
        if (!_threads.Remove((int)former, out TracedThread? thread))
        {
            return null;
        }

        _ = thread.Process.Threads.Remove(thread);
        return Add(leader, thread.Process);
    }

    /// <summary>A thread was killed and executes nothing any more, though its end may not be told yet: it is inside no enclave.</summary>
    public void NoteGone(TracedThread thread)
    {
        tracer.Gates.TellUse(thread);
        if (thread.Processor.EnclaveMode)
        {
            // Killed inside: an asynchronous exit that nothing resumes.
            thread.Processor.NoteExited(tracer.Machine);
        }

        thread.Space.Fast?.Release(thread);
    }

    /// <summary>A thread has ended.</summary>
    public void Ended(TracedThread thread, WaitStatus status)
    {
        // One that was killed, alone or by another's exit, may have been in the middle of a fork.
        TracedProcess process = thread.Process;
        process.MayHaveForked |= status.Signaled || process.Threads.Count > 1;
        tracer.Observer.Working(thread);
        using (tracer.Gates.Shut(null))
        {
            Drop(thread);
            tracer.Observer.ThreadEnded(thread, status);
            tracer.Files.CheckLifetimes(null);
        }
    }

    /// <summary>All have ended without being heard of.</summary>
    public void EndAll()
    {
        foreach (TracedThread thread in _threads.Values.ToArray())
        {
            Ended(thread, default);
        }

        tracer.Untold.Clear();
    }

    private void Begin(int id, TracedProcess process, AddressSpace? copied, FastPath? fast, int slot, TracedThread? parent = null)
    {
        if (process.Threads.Count == 0)
        {
            Use(process.Space);
        }

        TracedThread child = Add(id, process);
        child.Stopped = false;
        child.IsNewFork = copied is not null;
        child.IsNewSharer = copied is null;
        child.ForkedFrom = copied is null ? null : fast;
        child.ForkedSlot = slot;
        tracer.Observer.ThreadBegan(child, parent);
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
            copied = space = tracer.RealMappings.Copy(parent.Space, id);
        }

        return new TracedProcess(id, space)
        {
            Actions = (flags & sharesHandlers) != 0 ? parent.Process.Actions : parent.Process.Actions.Copy(),
            FollowsMasks = parent.Process.FollowsMasks,
            IsDeviceUser = parent.Process.IsDeviceUser,
            HasFilters = parent.Process.HasFilters,
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
        tracer.Accepts.Forget(thread);
        tracer.Cores.Release(thread.Id);
        NoteGone(thread);
        tracer.Ioctls.Abandon(thread);
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
                tracer.Untold.Expect(process);
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
            tracer.Driver.AddressSpaceReleased(space);
            tracer.Files.Forget(space);
            space.Dispose();
        }
    }
}
