using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The layout table: what lies behind the segments, in which order and how it is added. manage_metadata.cpp, build_layout_table,
/// update_layout_entries, build_layout_entries.
/// </summary>
internal sealed class SdkLayoutTable
{
    public const ulong PageSize = LinearAddress.PageSize;

    // util.h, SE_GUARD_PAGE_SIZE; manage_metadata.h, SSA_NUM.
    public const uint SsaFrames = 2;
    private const uint GuardPages = 16;

    // Unused stack is filled with this, so that what was never written shows.
    private const uint StackFill = 0xcccccccc;
    private const ushort Measured = LayoutEntry.Eadd | LayoutEntry.Eextend;
    private const SecinfoFlags ReadWrite = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    private readonly List<LayoutEntry> entries = [];
    private readonly SdkParameters parameters;
    private readonly SdkRelease release;

    public SdkLayoutTable(SdkEnclaveParts parts, SdkParameters parameters, uint ssaFrameSize, uint tcsTemplate)
    {
        this.parameters = parameters;
        release = parts.Release;
        ReservedInitial = parameters.ReservedInitial;
        AddHeap();
        LayoutEntry[] thread = Thread(parts, ssaFrameSize, tcsTemplate);
        AddThreads(thread);
        AddReserved();
        if (release.HasMemoryManager && parameters.WantSgx2)
        {
            (ulong pages, Bookkeeping) = SdkBookkeeping.UserRegion(parts, parameters, ssaFrameSize);
            Add(new LayoutEntry(LayoutEntry.UserRegion, LayoutEntry.PostAdd, Count(pages), 0, 0, 0, ReadWrite));
        }

        Place(parts.End);
        Fill();
    }

    public IReadOnlyList<LayoutEntry> Entries => entries;

    /// <summary>SECS.SIZE without an ELRANGE, in bytes: a power of two.</summary>
    public ulong EnclaveSize { get; private set; }

    /// <summary>Bytes up to which something is laid out.</summary>
    public ulong UsedSize { get; private set; }

    /// <summary>Pages of reserved memory at the start, which some releases let grow.</summary>
    public ulong ReservedInitial { get; private set; }

    /// <summary>Bytes that the memory manager is given for its books.</summary>
    public ulong Bookkeeping { get; }

    public LayoutEntry First(ushort id) => entries.First(entry => entry.Id == id);

    public LayoutEntry? Find(ushort id) => entries.Where(entry => entry.Id == id).Cast<LayoutEntry?>().FirstOrDefault();

    private void AddHeap()
    {
        Add(new LayoutEntry(LayoutEntry.HeapMin, LayoutEntry.Eadd, Count(parameters.HeapMinimum), 0, 0, 0, ReadWrite));
        if (parameters.HeapInitial > parameters.HeapMinimum)
        {
            Add(new LayoutEntry(LayoutEntry.HeapInit, LayoutEntry.Eadd | LayoutEntry.PostRemove | LayoutEntry.PostAdd,
                Count(parameters.HeapInitial - parameters.HeapMinimum), 0, 0, 0, ReadWrite));
        }

        if (parameters.HeapMaximum > parameters.HeapInitial)
        {
            Add(new LayoutEntry(LayoutEntry.HeapMax, LayoutEntry.PostAdd, Count(parameters.HeapMaximum - parameters.HeapInitial), 0, 0,
                0, ReadWrite));
        }
    }

    // A gap, the stack, a gap, TCS, SSA, a gap, the thread's data.
    private LayoutEntry[] Thread(SdkEnclaveParts parts, uint ssaFrameSize, uint tcsTemplate)
    {
        var guard = new LayoutEntry(LayoutEntry.Guard, 0, GuardPages, 0, 0, 0, SecinfoFlags.None);
        var thread = new List<LayoutEntry> { guard };
        if (parameters.StackMaximum > parameters.StackMinimum)
        {
            thread.Add(new LayoutEntry(LayoutEntry.StackMax, Measured | LayoutEntry.GrowDown,
                Count(parameters.StackMaximum - parameters.StackMinimum), 0, StackFill, 0, ReadWrite));
        }

        thread.AddRange(
            new LayoutEntry(LayoutEntry.StackMin, Measured, Count(parameters.StackMinimum), 0, StackFill, 0, ReadWrite),
            guard,
            new LayoutEntry(LayoutEntry.Tcs, Measured, 1, 0, SdkMetadata.TcsTemplateSize, tcsTemplate, SecinfoFlags.Tcs),
            new LayoutEntry(LayoutEntry.Ssa, Measured, ssaFrameSize * SsaFrames, 0, 0, 0, ReadWrite),
            guard,
            new LayoutEntry(LayoutEntry.Td, Measured, Count(parts.TdPages), 0, 0, 0, ReadWrite));
        return [.. thread];
    }

    private void AddThreads(LayoutEntry[] thread)
    {
        // The first thread serves the SDK itself; its stack may shrink and grow.
        AddRange(thread,
            entry => entry.Id == LayoutEntry.StackMax ? entry with
            {
                Attributes = (ushort)(entry.Attributes | LayoutEntry.PostAdd | LayoutEntry.PostRemove),
            } : entry);
        if (parameters.StaticThreads > 0)
        {
            AddRange(thread, entry => entry);
            AddGroup(LayoutEntry.ThreadGroup, thread, parameters.StaticThreads - 1);
        }

        if (parameters.RemovedThreads > 0)
        {
            AddRange(thread,
                entry => entry.Id == LayoutEntry.Guard ? entry : entry with
                {
                    Attributes = (ushort)(entry.Attributes | LayoutEntry.Eremove),
                });
            AddGroup(LayoutEntry.ThreadGroup, thread, parameters.RemovedThreads - 1);
        }

        if (parameters.HasDynamicThreads)
        {
            AddRange(thread, entry => entry.Id switch
            {
                LayoutEntry.Guard => entry,
                LayoutEntry.StackMax => entry with
                {
                    Id = (ushort)(entry.Id + LayoutEntry.ToDynamic),
                    Attributes = LayoutEntry.PostAdd | LayoutEntry.GrowDown,
                },
                _ => entry with
                {
                    Id = (ushort)(entry.Id + LayoutEntry.ToDynamic),
                    Attributes = LayoutEntry.PostAdd | LayoutEntry.DynamicThread,
                },
            });

            // This one is there even when it repeats nothing.
            Add(new LayoutEntry(LayoutEntry.ThreadGroupDynamic, (ushort)thread.Length,
                parameters.ThreadsMaximum - parameters.StaticThreads - 1, 0, 0, 0, SecinfoFlags.None));
        }
    }

    private void AddReserved()
    {
        if (parameters.ReservedMaximum == 0)
        {
            return;
        }

        SecinfoFlags flags = parameters.IsReservedExecutable ? ReadWrite | SecinfoFlags.X : ReadWrite;
        Add(new LayoutEntry(LayoutEntry.ReservedMin, LayoutEntry.Eadd, Count(parameters.ReservedMinimum), 0, 0, 0, flags));
        if (parameters.ReservedInitial > parameters.ReservedMinimum)
        {
            Add(new LayoutEntry(LayoutEntry.ReservedInit, LayoutEntry.Eadd | LayoutEntry.PostRemove | LayoutEntry.PostAdd,
                Count(parameters.ReservedInitial - parameters.ReservedMinimum), 0, 0, 0, flags));
        }

        if (parameters.ReservedMaximum > parameters.ReservedInitial)
        {
            Add(new LayoutEntry(LayoutEntry.ReservedMax, LayoutEntry.PostAdd,
                Count(parameters.ReservedMaximum - parameters.ReservedInitial), 0, 0, 0, ReadWrite));
        }
    }

    // Each entry follows the one before; a group repeats what is before it.
    private void Place(ulong at)
    {
        for (int i = 0; i < entries.Count; i++)
        {
            if (entries[i].IsGroup)
            {
                ulong step = 0;
                for (int j = i - entries[i].GroupEntryCount; j < i; j++)
                {
                    step += entries[j].PageCount * PageSize;
                }

                at = Beyond(at, (UInt128)entries[i].LoadTimes * step);
                entries[i] = entries[i] with { Offset = step };
            }
            else
            {
                entries[i] = entries[i] with { Offset = at };
                at = Beyond(at, entries[i].PageCount * PageSize);
            }
        }

        UsedSize = at;
    }

    // The rest up to a power of two is a gap, or reserved memory where a release makes it so.
    private void Fill()
    {
        EnclaveSize = UsedSize <= 1UL << 62 ? System.Numerics.BitOperations.RoundUpToPowerOf2(UsedSize) : throw TooLarge();
        ulong rest = (EnclaveSize - UsedSize) / PageSize;
        if (rest == 0)
        {
            return;
        }

        LayoutEntry last = entries[^1];
        if (release.StretchesReservedMemory
            && (last.Id is LayoutEntry.ReservedInit or LayoutEntry.ReservedMax
                || (last.Id == LayoutEntry.ReservedMin && last.PageCount > 0)))
        {
            entries[^1] = last with { PageCount = Count(last.PageCount + rest) };

            // As that release had it: the size at the start grows whichever of the first two was stretched.
            ReservedInitial += last.Id == LayoutEntry.ReservedMax ? 0 : rest;
            return;
        }

        Add(new LayoutEntry(LayoutEntry.Guard, 0, Count(rest), UsedSize, 0, 0, SecinfoFlags.None));
    }

    private void Add(LayoutEntry entry) => entries.Add(entry);

    private void AddRange(LayoutEntry[] thread, Func<LayoutEntry, LayoutEntry> change) => entries.AddRange(thread.Select(change));

    private void AddGroup(ushort id, LayoutEntry[] thread, uint times)
    {
        if (times > 0)
        {
            Add(new LayoutEntry(id, (ushort)thread.Length, times, 0, 0, 0, SecinfoFlags.None));
        }
    }

    private static uint Count(ulong pages) => pages <= uint.MaxValue ? (uint)pages : throw TooLarge();

    private static ulong Beyond(ulong at, UInt128 size) => size <= ulong.MaxValue - at ? at + (ulong)size : throw TooLarge();

    private static ImageException TooLarge() => new("the configuration asks for more than any enclave has");
}
