using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>A debugger's breakpoints in code: INT3 stands there, and what stood there before is known.</summary>
/// <param name="read">Reads a byte; null where there is none.</param>
/// <param name="write">Writes one; false where it cannot be.</param>
internal sealed class PlantedBreakpoints(Func<ulong, byte?> read, Func<ulong, byte, bool> write)
{
    /// <summary>INT3.</summary>
    public const byte Instruction = 0xcc;

    private readonly SortedList<ulong, byte> _originals = [];
    private readonly HashSet<ulong> _past = []; // where they are no more

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _originals.Count == 0;

    /// <summary>Whether one is at an address.</summary>
    public bool Contains(ulong address) => _originals.ContainsKey(address);

    /// <summary>Whether one was at an address, and now there is what the program has: INT3 that was executed there was ours.</summary>
    public bool HasGone(ulong address) => !Contains(address) && _past.Contains(address) && read(address) != Instruction;

    /// <summary>Plants one.</summary>
    /// <returns>False where no byte can be written.</returns>
    public bool Plant(ulong address)
    {
        if (Contains(address) && read(address) == Instruction)
        {
            return true;
        }

        // Something else was mapped there meanwhile, or written.
        _ = _originals.Remove(address);
        if (read(address) is not { } original || !write(address, Instruction))
        {
            return false;
        }

        _originals.Add(address, original);
        return true;
    }

    /// <summary>Takes one away. What is no INT3 any more the program has written meanwhile, and stays.</summary>
    public void Remove(ulong address)
    {
        if (_originals.Remove(address, out byte original))
        {
            _ = _past.Add(address);
            Replace(address, original);
        }
    }

    /// <summary>Takes all away.</summary>
    public void Clear()
    {
        foreach (ulong address in _originals.Keys.ToArray())
        {
            Remove(address);
        }
    }

    /// <summary>Takes from another memory, which was copied from this one, those that it got.</summary>
    /// <remarks>A fork is told after the kernel has copied: what was there then may have been taken away since.</remarks>
    /// <param name="copy">Of the copy.</param>
    public void RemoveFrom(PlantedBreakpoints copy)
    {
        foreach (ulong address in _originals.Keys.Concat(_past.Where(past => !Contains(past))))
        {
            byte? own = _originals.TryGetValue(address, out byte original) ? original : read(address);
            if (own is { } and not Instruction)
            {
                copy.Replace(address, own.Value);
            }
        }
    }

    /// <summary>Makes a copy of memory what the program has there.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="start">The address of its first byte.</param>
    public void Restore(Span<byte> copy, ulong start)
    {
        foreach ((ulong address, byte original) in _originals)
        {
            if (address - start < (ulong)copy.Length && copy[(int)(address - start)] == Instruction)
            {
                copy[(int)(address - start)] = original;
            }
        }
    }

    /// <summary>The program's memory gets other bytes: where a breakpoint is, they stand behind it.</summary>
    /// <param name="bytes">The bytes; afterwards those to write.</param>
    /// <param name="start">The address of the first.</param>
    public void Cover(Span<byte> bytes, ulong start)
    {
        foreach (ulong address in _originals.Keys.ToArray())
        {
            if (address - start < (ulong)bytes.Length)
            {
                ref byte one = ref bytes[(int)(address - start)];
                (_originals[address], one) = (one, Instruction);
            }
        }
    }

    /// <summary>A page has lost its content.</summary>
    public void ForgetPage(ulong page)
    {
        foreach (ulong address in _originals.Keys.ToArray())
        {
            if (HostPage.Start(address) == page)
            {
                _ = _originals.Remove(address);
            }
        }
    }

    private void Replace(ulong address, byte original)
    {
        if (read(address) == Instruction)
        {
            _ = write(address, original);
        }
    }
}
