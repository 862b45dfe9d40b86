using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Cloister.Linux;

namespace Cloister.Engine.Fast;

/// <summary>The memory of a <see cref="FastLayout"/>, as the tracer reads and writes it while the program does.</summary>
/// <remarks>The program can write anything there: no number read here is an offset, an index or a count before it was looked at.</remarks>
internal sealed class FastTables(MappedFile file) : IDisposable
{
    /// <summary>Offset of a slot.</summary>
    public static int Slot(int slot) => FastLayout.Slots + slot * FastLayout.SlotLength;

    /// <summary>Offset of the notes of a slot.</summary>
    public static int Notes(int slot) => FastLayout.Notes + slot * FastLayout.NotesLength * sizeof(ulong);

    /// <summary>Offset of the entry that a slot names; its spare when the program has written something else there.</summary>
    public int EntryOf(int slot)
    {
        ulong offset = ReadU64(Slot(slot) + FastLayout.SlotEntry) - Area.Fast;
        bool isInTable = offset is >= FastLayout.Table and < FastLayout.Notes && (offset - FastLayout.Table) % FastLayout.EntryLength == 0;
        return isInTable ? (int)offset : Slot(slot) + FastLayout.SlotSpare;
    }

    /// <summary>A number of 32 bits.</summary>
    public uint ReadU32(int offset) => Volatile.Read(ref MemoryMarshal.AsRef<uint>(file.Slice(offset, 4)));

    /// <summary>A number of 64 bits.</summary>
    public ulong ReadU64(int offset) => Volatile.Read(ref MemoryMarshal.AsRef<ulong>(file.Slice(offset, 8)));

    /// <summary>Sets a number of 32 bits.</summary>
    public void WriteU32(int offset, uint value) => Volatile.Write(ref MemoryMarshal.AsRef<uint>(file.Slice(offset, 4)), value);

    /// <summary>Sets a number of 64 bits.</summary>
    public void WriteU64(int offset, ulong value) => Volatile.Write(ref MemoryMarshal.AsRef<ulong>(file.Slice(offset, 8)), value);

    /// <summary>Bytes that nobody else changes.</summary>
    public Span<byte> Slice(int offset, int length) => file.Slice(offset, length);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
