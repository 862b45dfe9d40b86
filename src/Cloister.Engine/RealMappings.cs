using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>The device mappings that the kernel has. Where a thread forks while another maps, the order in which the tracer hears of it is not the
/// order in which it was done: then the books take what is there.</summary>
internal sealed class RealMappings(Tracer tracer)
{
    private const int MostTries = 8;

    /// <summary>Makes the system call at which a thread is stopped, which changes mappings where device mappings are, and lets the books follow.</summary>
    /// <remarks>Not left to the thread: until its end the books would say what is no longer there, and calls of ours (mprotect, madvise) would meet
    /// memory that another thread was given meanwhile.</remarks>
    /// <param name="thread">The thread.</param>
    /// <param name="call">Number and arguments, as registers have them.</param>
    /// <param name="ranges">What it may change: first byte and length of each.</param>
    /// <param name="mayBeHalf">The call may fail and have unmapped something all the same, or have changed a part only.</param>
    /// <returns>What it returned.</returns>
    public long Make(TracedThread thread, in UserRegisters call, (ulong Start, ulong Length)[] ranges, bool mayBeHalf)
    {
        long result = new RemoteCalls().Add((long)call.OrigRax, call.Rdi, call.Rsi, call.Rdx, call.R10, call.R8, call.R9).Run(thread)[0];
        foreach ((ulong start, ulong length) in ranges)
        {
            if (mayBeHalf)
            {
                Follow(thread, start, start + length);
            }
            else if (result >= 0)
            {
                Mappings.Forget(tracer, thread, start, length);
            }
        }

        return result;
    }

    /// <summary>Makes the books of a range what the kernel has there, and watches what is new.</summary>
    public void Follow(TracedThread thread, ulong start, ulong end)
    {
        AddressSpace space = thread.Space;
        for (int tries = 0; tries < MostTries; tries++)
        {
            List<MapsLine> lines = start == end ? [] : MapsLine.Of(thread);
            if (lines.Count == 0)
            {
                // Nothing to look at, or it is dead.
                return;
            }

            List<EnclaveMapping> real = Parts(lines, space, start, end);
            ulong at = start;
            foreach (EnclaveMapping mapping in real)
            {
                Mappings.Forget(tracer, thread, at, mapping.Start - at);
                at = mapping.End;
            }

            Mappings.Forget(tracer, thread, at, end - at);
            bool isWatched = true;
            foreach (EnclaveMapping mapping in real)
            {
                if (space.Mappings.Find(mapping.Start) is not { } known || known.End < mapping.End || known.File != mapping.File || known.Delta != mapping.Delta)
                {
                    _ = space.Unmap(mapping.Start, mapping.End);
                    space.Mappings.Add(mapping);
                    mapping.File.NoteMapped(space);
                }

                isWatched &= Mappings.TryWatch(tracer, thread, mapping.Start, mapping.End - mapping.Start) == Errno.None;
            }

            if (isWatched)
            {
                return;
            }
        }
    }

    /// <summary>The device's mappings of a thread's address space, with the protection that the program gave them as the books say.</summary>
    /// <remarks>As the books say altogether where the kernel's list may not be read: of a child that is not dumpable.</remarks>
    public IReadOnlyList<EnclaveMapping> Read(int thread, AddressSpace books) =>
        MapsLine.Of(thread) is { } lines ? Parts(lines, books, 0, ulong.MaxValue) : books.Mappings.All;

    private List<EnclaveMapping> Parts(List<MapsLine> lines, AddressSpace books, ulong start, ulong end)
    {
        const ulong areaLength = 1UL << 32;
        var parts = new List<EnclaveMapping>();
        foreach (MapsLine line in lines)
        {
            ulong from = Math.Max(start, line.Start), to = Math.Min(end, line.End);
            if (from < to && line.IsShared && line.Start - Area.Base >= areaLength && tracer.Files.OfInode(line.Inode) is { } file)
            {
                AddParts(parts, books, new EnclaveMapping(from, to, line.Protection, file, unchecked(line.Offset - line.Start)));
            }
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
                : books.Departed.LastOrDefault(departed => departed.File == real.File && departed.Delta == real.Delta && departed.Contains(at));
            ulong next = Math.Min(real.End, known?.End ?? NextKnown(books, at));
            parts.Add(real with { Start = at, End = next, Protection = known?.Protection ?? real.Protection, CopiesOnFork = known?.CopiesOnFork ?? true });
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
