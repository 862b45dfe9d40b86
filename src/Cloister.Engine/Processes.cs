using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>The program's threads and processes: how they begin, exec and end.</summary>
internal sealed class Processes(Tracer tracer)
{
    private readonly Dictionary<int, TracedThread> _threads = [];
    private readonly Dictionary<int, WaitStatus> _early = [];
    private bool _hasBegun;

    /// <summary>All threads, of all processes.</summary>
    public Dictionary<int, TracedThread>.ValueCollection Threads => _threads.Values;

    /// <summary>Whether there is none, nor a child that its parent has not told of.</summary>
    public bool AreNone => _threads.Count == 0 && _early.Count == 0;

    /// <summary>The thread of an id.</summary>
    public TracedThread? Find(int id) => _threads.GetValueOrDefault(id);

    /// <summary>A thread that is traced from now on.</summary>
    public TracedThread Add(int id, TracedProcess process)
    {
        var thread = new TracedThread(id, process);
        _threads.Add(id, thread);
        process.Threads.Add(thread);
        return thread;
    }

    /// <summary>An address space is in use by one more process.</summary>
    public static void Use(AddressSpace space) => space.Users++;

    /// <summary>The stop of a thread that is not known: a child's first, which can come before its parent's event.</summary>
    public void NoteEarly(int id, WaitStatus status) => _early[id] = status;

    /// <summary>Fork, vfork or clone: the child is traced like its parent, which runs on.</summary>
    public void Child(TracedThread parent, bool isVfork)
    {
        _ = Ptrace.GetEventMessage(parent.Id, out ulong message);
        int id = (int)message;
        TracedProcess process = ProcessOf(id, parent, out AddressSpace? copied);
        TracedThread child = Add(id, process);
        tracer.Cores.Inherit(parent, id);
        if (copied is not null)
        {
            Use(copied);
        }
        else if (process != parent.Process)
        {
            Use(process.Space);
        }

        child.Stopped = false;
        if (_early.Remove(id, out WaitStatus early))
        {
            tracer.Requeue(child, early);
        }

        // It does not stop, and runs nothing, until the child execs or ends.
        parent.AwaitsVfork = isVfork;
        child.IsNewFork = copied is not null;
        child.IsNewSharer = copied is null;
        child.ForkedFrom = copied is null ? null : parent.Space.Fast;
        child.ForkedSlot = parent.FastSlot;
        tracer.Resume(parent);
    }

    /// <summary>Exec: the process has an address space of its own, without the enclaves of the old one.</summary>
    public void Exec(TracedThread thread)
    {
        // The other threads are gone, and this one has the id of the leader now.
        TracedProcess process = thread.Process;
        foreach (TracedThread other in process.Threads.ToArray())
        {
            if (other != thread)
            {
                Drop(other);
            }
        }

        NoteGone(thread);
        thread.ForgetDispatch();
        AddressSpace old = process.Space;
        process.Space = new AddressSpace(tracer.Machine, process.Id);
        process.Handlers.Clear();
        Use(process.Space);
        Leave(old);
        bool fast = tracer.Options.Mode == EngineMode.Fast, isFirst = !_hasBegun;
        _hasBegun = true;
        thread.AtSystemCallExit = t =>
        {
            ExecSetup.Prepare(t, fast, isFirst, tracer.Notice);

            // The kernel lets go of the old image's files when the thread is back in user mode.
            tracer.Files.CheckLifetimes(null);
        };
        tracer.Cores.NoteExec(thread);
        tracer.Resume(thread);
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
        if (thread.Processor.EnclaveMode)
        {
            // Killed inside: an asynchronous exit that nothing resumes.
            thread.Processor.NoteExited(tracer.Machine);
        }

        thread.Space.Fast?.Release(thread);
    }

    /// <summary>A thread has ended.</summary>
    public void Ended(TracedThread thread)
    {
        using (tracer.Gates.Shut(null))
        {
            Drop(thread);
            tracer.Files.CheckLifetimes(null);
        }
    }

    /// <summary>All have ended without being heard of.</summary>
    public void EndAll()
    {
        foreach (TracedThread thread in _threads.Values.ToArray())
        {
            Ended(thread);
        }

        _early.Clear();
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
            copied = space = tracer.Files.Copy(parent.Space, id);
        }

        return new TracedProcess(id, space)
        {
            Handlers = (flags & sharesHandlers) != 0 ? parent.Process.Handlers : new(parent.Process.Handlers),
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
        if (process.Space.Memory.Thread == thread.Id && process.Threads.Count > 0)
        {
            process.Space.Memory.Thread = process.Threads[0].Id;
        }

        if (process.Threads.Count == 0 && !_threads.ContainsKey(process.Id))
        {
            Leave(process.Space);
        }
    }

    // A process has left an address space.
    private void Leave(AddressSpace space)
    {
        if (--space.Users == 0)
        {
            tracer.Driver.AddressSpaceReleased(space);
            tracer.Files.Forget(space);
            space.Dispose();
        }
    }
}
