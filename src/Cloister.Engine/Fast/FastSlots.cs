using System.Buffers.Binary;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Linux;

namespace Cloister.Engine.Fast;

/// <summary>The slots of an address space's threads, and the selectors that name them: a thread finds its own by ES.</summary>
internal sealed class FastSlots(FastTables tables)
{
    private const int DescriptorsAtOnce = 64, DescriptorLength = 16;
    private const uint DataDescriptorFlags = 0x51; // 32-bit, data, writable, limit in pages, useable: user_desc of uapi asm/ldt.h

    private readonly SortedSet<int> _free = [];
    private readonly Dictionary<TracedThread, FastThread> _threads = [];
    private int _descriptors;

    /// <summary>Slots below this number have been used.</summary>
    public int Count { get; private set; }

    /// <summary>The threads that have one.</summary>
    public IEnumerable<TracedThread> Threads => _threads.Keys;

    /// <summary>A thread's, if it has one.</summary>
    public FastThread? Find(TracedThread thread) => _threads.GetValueOrDefault(thread);

    /// <summary>Gives a thread one and the selector that names it. False when there is none to be had.</summary>
    public bool Assign(TracedThread thread)
    {
        if (Find(thread) is { } had)
        {
            if (thread.Peek().Es == 0)
            {
                thread.Registers.Es = FastLayout.Selector(had.Slot);
            }

            return true;
        }

        int slot = _free.Count > 0 ? _free.Min : Count;
        if (slot >= FastLayout.MaximumSlots || (slot >= _descriptors && !AddDescriptors(thread)))
        {
            return false;
        }

        if (!_free.Remove(slot))
        {
            Count++;
        }

        Occupy(thread, slot);
        thread.Registers.Es = FastLayout.Selector(slot);
        return true;
    }

    /// <summary>Fork: the child's one thread has its parent's selector, and with it the slot of that number; -1 for none.</summary>
    public void Inherit(TracedThread child, int slot, FastSlots parent)
    {
        _descriptors = parent._descriptors;
        Count = slot + 1;
        for (int i = 0; i < slot; i++)
        {
            _ = _free.Add(i);
        }

        if (slot >= 0)
        {
            Occupy(child, slot);
        }
    }

    /// <summary>A thread has ended: its slot is free. Null when it had none.</summary>
    public FastThread? Release(TracedThread thread)
    {
        if (_threads.Remove(thread, out FastThread? known))
        {
            _ = _free.Add(known.Slot);
        }

        return known;
    }

    private void Occupy(TracedThread thread, int slot)
    {
        _threads[thread] = new FastThread(slot);
        tables.Slice(FastTables.Slot(slot), FastLayout.SlotLength).Clear();
        tables.WriteU32(FastTables.Slot(slot) + FastLayout.SlotNumber, (uint)slot + 1);
        tables.WriteU64(FastTables.Slot(slot) + FastLayout.SlotNotesAddress, Area.Fast + (ulong)FastTables.Notes(slot));
    }

    private bool AddDescriptors(TracedThread thread)
    {
        const ulong writeDescriptor = 0x11;
        byte[] data = new byte[DescriptorsAtOnce * DescriptorLength];
        var calls = new RemoteCalls();
        for (int i = 0; i < DescriptorsAtOnce; i++)
        {
            Span<byte> descriptor = data.AsSpan(i * DescriptorLength);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor, (uint)(FastLayout.FirstDescriptor + _descriptors + i));
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], 0xfffff);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor[12..], DataDescriptorFlags);
            calls.Add(SystemCall.ModifyLdt, writeDescriptor, RemoteCalls.DataAddress + (ulong)(i * DescriptorLength), DescriptorLength);
        }

        if (calls.WithData(data).Run(thread).Any(result => result < 0))
        {
            return false;
        }

        _descriptors += DescriptorsAtOnce;
        return true;
    }
}
