using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Fast;

/// <summary>The fast paths of all address spaces: which have one, which threads have a slot in it, and what has to be
/// taken back when memory changes.</summary>
/// <param name="machine">The processor.</param>
/// <param name="observed">Hears what threads did by themselves.</param>
/// <param name="switchesView">Whether stubs show and hide the enclaves: strict isolation.</param>
internal sealed class FastSpaces(SgxMachine machine, Observation observed, bool switchesView = false) : IPageObserver, IMappingObserver
{
    private readonly Dictionary<AddressSpace, FastPath> _paths = [];
    private readonly HashSet<AddressSpace> _refused = []; // the kernel or the processor has not what it needs; not tried again
    private readonly Dictionary<TracedThread, (FastPath Parent, int Slot)> _copied = []; // first threads of forks, which have not run yet

    /// <summary>Which pages threads may accept by themselves.</summary>
    public AwaitedTables Awaited { get; } = new();

    /// <summary>Stubs that EEXIT sites in pages of enclaves jump to, and the sites: a forked program may have the
    /// pages without the stubs.</summary>
    public Dictionary<EnclaveFile, Dictionary<ulong, ulong>> ExitStubs { get; } = [];

    /// <summary>Those that there are.</summary>
    public IEnumerable<KeyValuePair<AddressSpace, FastPath>> All => _paths;

    /// <summary>Whether there is one.</summary>
    public bool Any => _paths.Count > 0;

    /// <summary>The fast path of an address space; null while all its threads' entries and exits stop.</summary>
    public FastPath? Of(AddressSpace space) => _paths.GetValueOrDefault(space);

    /// <summary>The fast path of a thread that has a slot.</summary>
    public FastPath? Of(TracedThread thread) => Of(thread.Space) is { } path && path.SlotOf(thread) >= 0 ? path : null;

    /// <summary>The fast path of a thread's address space, which gets one where it can have one.</summary>
    public FastPath? Make(TracedThread thread)
    {
        AddressSpace space = thread.Space;
        if (Of(space) is { } path || _refused.Contains(space))
        {
            return Of(space);
        }

        if (HostKernel.HasFsgsbase && FastPath.Create(thread, Awaited, replace: false, switchesView) is { } made)
        {
            _paths.Add(space, made);
            return made;
        }

        _ = _refused.Add(space);
        return null;
    }

    /// <summary>Where a stub says whether a thread is inside; 0 for a thread that all goes by the tracer for.</summary>
    public ulong FlagOf(TracedThread thread) => Of(thread) is { } path ? FastLayout.SlotAddress(path.SlotOf(thread))
        + FastLayout.SlotInside : 0;

    /// <summary>A thread was stopped: where it stands in a stub, it is put before or behind it.</summary>
    public void Normalise(TracedThread thread) => thread.WasMoved |= Of(thread.Space)?.Normalise(thread) ?? false;

    /// <summary>The model follows what a stopped thread did by itself since the gates were shut.</summary>
    public void Follow(TracedThread thread)
    {
        if (Of(thread) is { } path)
        {
            FollowExit(thread, path);
            path.FollowEntry(machine, thread);
        }
    }

    /// <summary>The model follows an exit that a thread made by itself.</summary>
    public void FollowExit(TracedThread thread, FastPath path)
    {
        TellUse(thread, path);
        path.FollowExit(machine, thread);
    }

    // The observer hears what a thread did by itself, which the model is about to follow, or cannot any more.
    private void TellUse(TracedThread thread, FastPath path)
    {
        (long entries, long resumptions, long exits) = path.UseBy(thread);
        if (entries != 0 || resumptions != 0 || exits != 0)
        {
            observed.Observer.FastPathsUsed(thread, entries, resumptions, exits);
        }
    }

    /// <summary>Puts what the model did with a stopped thread into its tables.</summary>
    public void Publish(TracedThread thread) => Of(thread)?.Publish(machine, thread);

    /// <summary>A thread is about to run on: behind the stub's exit where that is where it goes, and as its tables say.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="isInterrupted">A signal is delivered first.</param>
    public void RunOn(TracedThread thread, bool isInterrupted)
    {
        if (Of(thread) is not { } path)
        {
            return;
        }

        if (!isInterrupted && !thread.WasMoved && thread.Space.Vdso is { } vdso && !thread.Processor.EnclaveMode
            && vdso.Continuation(thread.Peek().Rip) is var continuation && continuation != thread.Peek().Rip)
        {
            thread.Registers.Rip = continuation;
        }

        path.Publish(machine, thread);
    }

    /// <summary>A thread exits by the tracer from now on: it has no selector.</summary>
    public void Deselect(TracedThread thread)
    {
        if (Of(thread) is not null)
        {
            thread.Registers.Es = 0;
        }
    }

    /// <summary>The first thread of a copied memory is known, and has not run yet.</summary>
    public void Copied(TracedThread child, AddressSpace parent, TracedThread? maker)
    {
        if (Of(parent) is { } path)
        {
            _copied[child] = (path, maker is null ? -1 : path.SlotOf(maker));
        }
    }

    /// <summary>A new thread is about to run: it has its maker's selector, which names its maker's slot.</summary>
    public void Begin(TracedThread thread)
    {
        if (!_copied.Remove(thread, out (FastPath Parent, int Slot) made))
        {
            if (Of(thread.Space) is not null)
            {
                thread.Registers.Es = 0;
            }

            return;
        }

        if (FastPath.Create(thread, Awaited, replace: true, switchesView) is { } path)
        {
            _paths[thread.Space] = path;
            path.Inherit(thread, made.Slot, made.Parent);
        }

        if (made.Slot < 0)
        {
            // Nobody knows whose it is any more.
            thread.Registers.Es = 0;
        }
    }

    /// <summary>A thread executes nothing any more, and the model is about to take it out of its enclave.</summary>
    public void TellLast(TracedThread thread)
    {
        if (Of(thread) is { } path)
        {
            TellUse(thread, path);
        }
    }

    /// <summary>A thread has ended.</summary>
    public void Release(TracedThread thread)
    {
        if (Of(thread) is { } path)
        {
            path.Release(thread);
        }

        _ = _copied.Remove(thread);
    }

    /// <summary>An address space has ended.</summary>
    public void Forget(AddressSpace space)
    {
        _ = _refused.Remove(space);
        if (_paths.Remove(space, out FastPath? path))
        {
            path.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Changed(EnclaveFile file, ulong offset)
    {
        Awaited.Of(file)?.Withdraw(offset);
        foreach ((AddressSpace space, FastPath path) in _paths)
        {
            if (file.Views.Contains(space))
            {
                path.Tcss.Invalidate(file.Base + offset);
            }
        }
    }

    /// <inheritdoc/>
    public void Remapped(AddressSpace space, ulong start, ulong end, IReadOnlyCollection<EnclaveFile> unreachable)
    {
        Of(space)?.Tcss.Invalidate(start, end);
        foreach (EnclaveFile file in unreachable)
        {
            Awaited.Withdraw(file, start, end);
        }
    }

    /// <inheritdoc/>
    public void Releasing(EnclaveFile file)
    {
        foreach (FastPath path in _paths.Values)
        {
            path.Awaited.Forget(file);
        }

        _ = ExitStubs.Remove(file);
    }
}
