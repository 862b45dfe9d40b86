using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Fast;

/// <summary>Strict isolation without protection keys: what a program can reach changes with the first entry and the last exit.</summary>
/// <remarks>
/// While no thread is inside, enclave memory has no access at all and a host access is a stop (<c>AbortPage</c>). While a thread is
/// inside and is the only one, the host's code cannot be executed, so that a jump out of the enclave is the #GP it is on hardware.
/// Threads of one process share one view: that is what this mode cannot do, and docs/explanation/fidelity.md says so.
/// The calls that change the view are listed here; the tracer has them made at a stop, and stubs make them by themselves where a thread
/// enters and leaves without one (<see cref="SharedView"/>).
/// An exit shows only such code as the host executes between its entries: the rest of it stays as it was inside until a fetch there stops.
/// </remarks>
internal sealed class StrictView(Processes processes)
{
    private readonly Dictionary<AddressSpace, SpaceView> _views = [];

    /// <summary>An address space was copied.</summary>
    public void Copied(AddressSpace parent, AddressSpace copy)
    {
        if (_views.TryGetValue(parent, out SpaceView? view))
        {
            // The parent's other threads may have changed theirs just then.
            _views[copy] = new SpaceView
            {
                Code = [.. view.Code.Select(code => code with { })],
                Threads = view.Threads,
                HidesUsed = view.HidesUsed,
                HidesUnused = view.HidesUnused,
                IsStale = view.IsStale,
                IsRefused = view.IsRefused,
                IsUnknown = true,
            };
        }
    }

    /// <summary>An address space has ended.</summary>
    public void Forget(AddressSpace space) => _views.Remove(space);

    /// <summary>A thread is about to make a system call, which may change what the host can execute.</summary>
    public void NoteCall(TracedThread thread)
    {
        if (_views.TryGetValue(thread.Space, out SpaceView? view) && MayChange(view, thread.Peek()))
        {
            // It is told what there is, and finds what the program has made.
            ShowUnused(view, thread);
            view.IsStale = true;
        }
    }

    /// <summary>A thread outside could not fetch from an address: the host executes code there that was not used yet.</summary>
    public bool Reveals(TracedThread thread, ulong address)
    {
        if (!_views.TryGetValue(thread.Space, out SpaceView? view) || !view.HidesUnused || view.HidesUsed
            || view.Code.Find(code => !code.IsUsed && code.Contains(address)) is not { } found)
        {
            return false;
        }

        var calls = new RemoteCalls();
        if (found.Inode != 0)
        {
            CleanPages.AddDropCalls(calls, thread.Id, found.Start, found.End);
        }

        Add(calls, [found.Shown]);
        _ = calls.Run(thread);
        found.IsUsed = true;
        view.Version++;
        return true;
    }

    /// <summary>A program refuses what a stub calls: its threads enter by the tracer from now on.</summary>
    public void NoteRefused(AddressSpace space)
    {
        if (_views.TryGetValue(space, out SpaceView? view))
        {
            view.IsRefused = true;
        }
    }

    /// <summary>Takes what stubs made of the view. The gates are shut, and the model knows who is inside.</summary>
    public void Follow(AddressSpace space, SharedView shared)
    {
        if (!_views.TryGetValue(space, out SpaceView? view) || !view.IsPublished)
        {
            return;
        }

        view.IsPublished = false;
        view.Age.Budget = shared.Budget;
        if (shared.Inside is { } inside)
        {
            space.HidesEnclaves = inside == 0;
            view.HidesUsed = inside != 0;
        }
        else
        {
            view.IsUnknown = true;
        }
    }

    /// <summary>Lets stubs change the view from now on, if they can. The gates are about to open.</summary>
    public bool Publish(AddressSpace space, SharedView shared)
    {
        (int threads, int inside) = Count(space);
        if (!_views.TryGetValue(space, out SpaceView? view) || view.IsUnknown || view.IsStale || view.IsRefused || view.Threads != threads
            || space.HidesEnclaves != (inside == 0) || space.Native.ByProtection || view.Code.Exists(code => !code.IsLasting))
        {
            return false;
        }

        int version = view.Version + space.Native.Executable.Version + space.Mappings.Version;
        if (shared.Version != version && !shared.SetCalls(version,
            [.. Shown(space), .. view.CodeThat(isUsed: true).Select(code => code.Hidden)],
            [.. Hidden(space), .. view.CodeThat(isUsed: true).Select(code => code.Shown)]))
        {
            return false;
        }

        view.Age.Limit(space);
        shared.Set(inside, Math.Max(0, view.Age.Budget));
        view.IsPublished = true;
        return true;
    }

    /// <summary>Brings the view to what the threads of a stopped thread's address space need.</summary>
    public void Apply(TracedThread thread)
    {
        AddressSpace space = thread.Space;
        if (space.Mappings.All.Count == 0 || space.Table is null)
        {
            return;
        }

        if (!_views.TryGetValue(space, out SpaceView? view))
        {
            _views.Add(space, view = new SpaceView());
        }

        (int threads, int inside) = Count(space);
        if (threads != view.Threads && !view.HidesUsed)
        {
            ShowUnused(view, thread);
        }

        if ((inside > 0) == !space.HidesEnclaves && !view.IsUnknown)
        {
            return;
        }

        var calls = new RemoteCalls();
        if (view.IsUnknown && (view.IsStale || view.Threads != threads))
        {
            // What there is must be told before the code is looked for.
            Add(calls, view.Code.Select(code => code.Shown));
            _ = calls.Run(thread);
            (calls, view.Code) = (new RemoteCalls(), []);
            (view.HidesUsed, view.HidesUnused) = (false, false);
        }

        if (inside > 0)
        {
            if (view.IsStale || view.Threads != threads)
            {
                Look(view, thread, threads);
            }

            Add(calls, space.Native.ByProtection ? [] : Shown(space));
            if (space.Native.ByProtection)
            {
                space.Native.AddProtectionCalls(calls, all: true);
            }

            Add(calls, view.Code.Where(code => code.IsUsed || !view.HidesUnused || view.IsUnknown).Select(code => code.Hidden));
            view.HidesUnused = view.Code.Count > 0;
            if (view.Age.IsDue(space, calls))
            {
                // What the host executes still is found again.
                view.Code.ForEach(code => code.IsUsed = false);
                view.Version++;
            }
        }
        else
        {
            Add(calls, Hidden(space));
            Add(calls, view.HidesUsed || view.IsUnknown ? view.CodeThat(isUsed: true).Select(code => code.Shown) : []);
        }

        space.HidesEnclaves = inside == 0;
        view.HidesUsed = inside > 0;
        view.IsUnknown = false;
        _ = calls.Run(thread);
    }

    private static void ShowUnused(SpaceView view, TracedThread thread)
    {
        if (view.HidesUnused)
        {
            var calls = new RemoteCalls();
            Add(calls, view.CodeThat(isUsed: false).Select(code => code.Shown));
            view.HidesUnused = false;
            view.IsStale = true;
            _ = calls.Run(thread);
        }
    }

    private static void Add(RemoteCalls calls, IEnumerable<ProtectedRange> ranges)
    {
        foreach (ProtectedRange range in ranges)
        {
            calls.Add(SystemCall.Mprotect, range.Start, range.End - range.Start, range.Protection);
        }
    }

    // Mappings side by side take one call.
    private static List<ProtectedRange> Hidden(AddressSpace space)
    {
        var ranges = new List<ProtectedRange>();
        foreach (EnclaveMapping mapping in space.Mappings.All)
        {
            Append(ranges, mapping.Start, mapping.End, MemoryProtection.None);
        }

        return ranges;
    }

    private static List<ProtectedRange> Shown(AddressSpace space)
    {
        var ranges = new List<ProtectedRange>();
        using IEnumerator<(ulong Start, ulong End)> runs = space.Native.Executable.Runs().GetEnumerator();
        bool more = runs.MoveNext();
        foreach (EnclaveMapping mapping in space.Mappings.All)
        {
            ulong at = mapping.Start, plain = (ulong)(mapping.Protection & ~MemoryProtection.Execute);
            while (at < mapping.End)
            {
                while (more && runs.Current.End <= at)
                {
                    more = runs.MoveNext();
                }

                ulong start = more ? Math.Clamp(runs.Current.Start, at, mapping.End) : mapping.End;
                ulong end = more ? Math.Clamp(runs.Current.End, start, mapping.End) : mapping.End;
                Append(ranges, at, start, plain);
                Append(ranges, start, end, (ulong)mapping.Protection);
                at = end;
            }
        }

        return ranges;
    }

    private static void Append(List<ProtectedRange> ranges, ulong start, ulong end, ulong protection)
    {
        if (start == end)
        {
            return;
        }

        if (ranges.Count > 0 && ranges[^1] is var last && last.End == start && last.Protection == protection)
        {
            ranges[^1] = last with { End = end };
            return;
        }

        ranges.Add(new ProtectedRange(start, end, protection));
    }

    private (int Threads, int Inside) Count(AddressSpace space)
    {
        int threads = 0, inside = 0;
        foreach (TracedThread other in processes.Threads)
        {
            if (other.Space == space)
            {
                threads++;
                inside += other.Processor.EnclaveMode ? 1 : 0;
            }
        }

        return (threads, inside);
    }

    // What the host can execute, where one thread would lose it. The kernel tells of protections that are there, so not while any is
    // hidden.
    private static void Look(SpaceView view, TracedThread thread, int threads)
    {
        if (view.HidesUsed || view.HidesUnused)
        {
            return;
        }

        AddressSpace space = thread.Space;
        List<HostCode> code = threads > 1 ? [] : [.. HeldMappings.Of(thread).Where(line => (line.Protection & MemoryProtection.Execute) != 0
            && !(line.Start >= Area.Base && line.Start < Area.Base + Area.Reserved) && line.Start < 1UL << 47
            && !line.IsMemoryFile && space.Mappings.Find(line.Start) is null).Select(HostCode.Of)];
        foreach (HostCode one in code)
        {
            one.IsUsed = view.Code.Exists(other => other.IsUsed && other.IsLike(one));
        }

        (view.Code, view.Threads) = (code, threads);
        view.Version++;

        // A filter of the program's own stops each call of a stub; with READ_IMPLIES_EXEC calls make code that do not stop.
        bool isOdd = thread.Process.HasFilters || Personality.ReadImpliesExecute(thread);
        (view.IsStale, view.IsRefused) = (isOdd, view.IsRefused || isOdd);
    }

    // Whether a call may change it: what becomes executable, and what is put over code or taken away.
    private static bool MayChange(SpaceView view, in UserRegisters r)
    {
        const ulong isFixed = 2;
        (ulong start, ulong length, ulong third) = (r.Rdi, r.Rsi, r.Rdx);
        bool isCode = (third & MemoryProtection.Execute) != 0;
        return (long)r.OrigRax switch
        {
            SystemCall.Mmap => isCode || (((int)r.R10 & (MemoryProtection.Fixed | MemoryProtection.FixedNoReplace)) != 0
                && Touches(start, length)),
            SystemCall.Mprotect or SystemCall.PkeyMprotect => isCode || Touches(start, length),
            SystemCall.Munmap or SystemCall.RemapFilePages => Touches(start, length),
            SystemCall.Mremap => Touches(start, length) || ((r.R10 & isFixed) != 0 && Touches(r.R8, third)),
            SystemCall.Shmat or SystemCall.Seccomp or SystemCall.Prctl => true,
            _ => false,
        };

        bool Touches(ulong from, ulong size)
        {
            ulong end = from + HostPage.Whole(size);
            return view.Code.Exists(code => code.Overlaps(from, end < from ? ulong.MaxValue : end));
        }
    }
}
