using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Devices;

/// <summary>The device mappings that the kernel has. Where a thread forks while another maps, the order in which the
/// tracer hears of it is not the order in which it was done: then the books take what is there.</summary>
internal sealed class RealMappings(Func<int, AddressSpace> newSpace, ISgxDriver driver, DeviceFiles files, Processes processes,
    DeviceMappings mappings)
{
    private const int MostTries = 8;

    /// <summary>Lets a thread make the system call at which it is stopped, which takes mappings away where device mappings are.</summary>
    /// <remarks>
    /// The books forget them before: what the call gives back another thread may have as ordinary memory before the
    /// call ends, and must keep it as it is. The thread makes the call itself, for it may wait for a thread of its own program:
    /// userfaultfd(2), UFFD_FEATURE_EVENT_UNMAP.
    /// </remarks>
    /// <param name="thread">The thread.</param>
    /// <param name="ranges">What it takes away: first byte and length of each.</param>
    /// <param name="mayBeHalf">The call may fail and have unmapped something all the same, or have changed a part only.</param>
    /// <param name="then">What to do at its end with its result.</param>
    /// <returns>That it makes the call.</returns>
    public Answer Begin(TracedThread thread, (ulong Start, ulong Length)[] ranges, bool mayBeHalf, Action<TracedThread, long> then)
    {
        AddressSpace space = thread.Space;
        if (Array.Exists(ranges, range => space.HoldsSealed(range.Start, range.Length)))
        {
            return Answer.Made(-(long)Errno.EPERM);
        }

        foreach ((ulong start, ulong length) in ranges)
        {
            if (length > 0)
            {
                space.Unmappings.Add(new AddressSpace.Unmapping(thread.Id, start, start + length, space.Unmap(start, start + length)));
            }
        }

        return Answer.PassThen(t =>
        {
            long result = (long)t.Peek().Rax;
            End(t, t.Id, mayBeHalf || result is < 0 and >= -4095);
            then(t, result);
        });
    }

    /// <summary>A thread ended in such a call, and others live on in its address space: the books of what it was
    /// about take what is there.</summary>
    /// <param name="thread">A stopped thread of the same address space.</param>
    public void EndAbandoned(TracedThread thread)
    {
        foreach (AddressSpace.Unmapping unmapping in thread.Space.Unmappings.Where(
            unmapping => processes.Find(unmapping.Thread)?.Space != thread.Space).ToArray())
        {
            End(thread, unmapping.Thread, mayBeHalf: true);
        }
    }

    private void End(TracedThread thread, int caller, bool mayBeHalf)
    {
        AddressSpace space = thread.Space;
        AddressSpace.Unmapping[] ended = [.. space.Unmappings.Where(unmapping => unmapping.Thread == caller)];
        _ = space.Unmappings.RemoveAll(unmapping => unmapping.Thread == caller);
        foreach (AddressSpace.Unmapping unmapping in ended)
        {
            if (mayBeHalf || space.Mappings.Within(unmapping.Start, unmapping.End).Count > 0)
            {
                Follow(thread, unmapping.Start, unmapping.End);
            }

            List<EnclaveMapping> left = space.Mappings.Within(unmapping.Start, unmapping.End);
            foreach (EnclaveFile file in unmapping.Lost.Where(file => !left.Exists(mapping => mapping.File == file)))
            {
                mappings.TellDriver(space, file, unmapping.Start, unmapping.End);
            }
        }

        files.CheckLifetimes(thread);
    }

    /// <summary>Makes the books of a range what the kernel has there, and watches what is new.</summary>
    /// <remarks>But for what a thread is about to take away: that is looked at when its call ends.</remarks>
    public void Follow(TracedThread thread, ulong start, ulong end)
    {
        foreach (AddressSpace.Unmapping unmapping in thread.Space.Unmappings.Where(unmapping => unmapping.Overlaps(start, end))
            .OrderBy(unmapping => unmapping.Start).ToArray())
        {
            if (unmapping.Start > start)
            {
                FollowPart(thread, start, unmapping.Start);
            }

            start = Math.Max(start, unmapping.End);
        }

        if (end > start)
        {
            FollowPart(thread, start, end);
        }
    }

    private void FollowPart(TracedThread thread, ulong start, ulong end)
    {
        AddressSpace space = thread.Space;
        for (int tries = 0; tries < MostTries; tries++)
        {
            List<MapsLine> lines = HeldMappings.Of(thread);
            if (lines.Count == 0)
            {
                // It is dead.
                return;
            }

            List<EnclaveMapping> real = Parts(lines, space, start, end);
            ulong at = start;
            foreach (EnclaveMapping mapping in real)
            {
                mappings.Forget(thread, at, mapping.Start - at);
                at = mapping.End;
            }

            mappings.Forget(thread, at, end - at);
            bool isWatched = true;
            foreach (EnclaveMapping mapping in real)
            {
                if (mapping.File.IsReleased)
                {
                    // Taken away since the list was read, and the last of its file.
                    isWatched = false;
                    continue;
                }

                bool isNew = space.Mappings.Find(mapping.Start) is not { } known || known.End < mapping.End || known.File != mapping.File
                    || known.Delta != mapping.Delta;
                if (isNew)
                {
                    _ = space.Unmap(mapping.Start, mapping.End);
                    space.Mappings.Add(mapping);
                    mapping.File.NoteMapped(space);
                }

                isWatched &= mappings.TryWatch(thread, mapping.Start, mapping.End - mapping.Start) == Errno.None;
                if (isNew && isWatched)
                {
                    DeviceMappings.Begin(thread, mapping);
                }
            }

            if (isWatched)
            {
                return;
            }
        }
    }

    /// <summary>Fork: the child's address space, which shows what the parent's does and has no page present yet.</summary>
    public AddressSpace Copy(AddressSpace parent, int child)
    {
        AddressSpace space = newSpace(child);
        (space.Table, space.AreaInode, space.Vdso) = (parent.Table, parent.AreaInode, parent.Vdso);
        (space.HidesEnclaves, space.CpuidFaults) = (parent.HidesEnclaves, parent.CpuidFaults);
        space.CpuidSites.UnionWith(parent.CpuidSites);
        space.Native.ByProtection = parent.Native.ByProtection;
        space.InElrange.IsStale = true;
        parent.Table?.Share();
        if (driver.Legacy is { BindsToMapping: true })
        {
            // Linux v16, sgx_mmap: VM_DONTCOPY.
            NoteCopy(parent, space);
            return space;
        }

        // What the parent's other threads did meanwhile the kernel knows.
        foreach (EnclaveMapping mapping in files.Spaces.Contains(parent) ? Read(child, parent).Where(mapping => mapping.CopiesOnFork) : [])
        {
            space.Mappings.Add(mapping);
            mapping.File.NoteMapped(space);
        }

        driver.AddressSpaceCopied(parent, space,
            [.. space.Mappings.All.Select(mapping => mapping.File.Enclave).OfType<IOpenEnclave>().Distinct()]);
        space.Native.Executable.Copy(parent.Native.Executable);
        space.Breakpoints.CopyFrom(parent.Breakpoints);
        NoteCopy(parent, space);
        return space;
    }

    private void NoteCopy(AddressSpace parent, AddressSpace copy)
    {
        if (files.Spaces.Contains(parent))
        {
            files.Note(copy);
        }
    }

    /// <summary>The device's mappings of a thread's address space, with the protection that the program gave them as
    /// the books say.</summary>
    /// <remarks>As the books say altogether where the kernel's list may not be read: of a child that is not dumpable.</remarks>
    private IReadOnlyList<EnclaveMapping> Read(int thread, AddressSpace books) =>
        MapsLine.Of(thread) is { } lines ? Parts(lines, books, 0, ulong.MaxValue) : books.Mappings.All;

    private List<EnclaveMapping> Parts(List<MapsLine> lines, AddressSpace books, ulong start, ulong end)
    {
        var parts = new List<EnclaveMapping>();
        foreach (EnclaveMapping real in files.Mapped(lines, start, end))
        {
            AddParts(parts, books, real);
        }

        return parts;
    }

    // The kernel knows what is natively allowed, the books what the program asked for; or asked for before it took it away.
    private static void AddParts(List<EnclaveMapping> parts, AddressSpace books, EnclaveMapping real)
    {
        ulong at = real.Start;
        while (at < real.End)
        {
            EnclaveMapping? known = books.Mappings.Find(at);
            known = known is not null && known.File == real.File && known.Delta == real.Delta ? known
                : books.Departed.LastOrDefault(departed => departed.File == real.File && departed.Delta == real.Delta
                && departed.Contains(at));
            ulong next = Math.Min(real.End, known?.End ?? NextKnown(books, at));
            parts.Add(real with
            {
                Start = at,
                End = next,
                Protection = known?.Protection ?? real.Protection,
                CopiesOnFork = known?.CopiesOnFork ?? true,
                IsSealed = known?.IsSealed ?? false
            });
            at = next;
        }
    }

    private static ulong NextKnown(AddressSpace books, ulong address)
    {
        ulong next = ulong.MaxValue;
        foreach (EnclaveMapping mapping in books.Mappings.All.Concat(books.Departed))
        {
            next = mapping.Start > address ? Math.Min(next, mapping.Start) : next;
        }

        return next;
    }
}
