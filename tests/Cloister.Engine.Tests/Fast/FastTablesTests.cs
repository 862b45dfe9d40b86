using System.Runtime.InteropServices;
using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

public sealed class FastTablesTests : IDisposable
{
    private const int Number = 7;
    private readonly MappedFile _file = MappedFile.Create("tables", FastLayout.FileLength);
    private readonly FastTables _tables;

    public FastTablesTests() => _tables = new FastTables(_file);

    public void Dispose() => _tables.Dispose();

    [Fact]
    public void Slots_and_their_notes_do_not_overlap()
    {
        Assert.Equal(FastLayout.SlotLength, FastTables.Slot(Number + 1) - FastTables.Slot(Number));
        Assert.Equal(FastLayout.Table, FastTables.Slot(FastLayout.MaximumSlots));
        Assert.Equal(FastLayout.NotesLength * sizeof(ulong), FastTables.Notes(Number + 1) - FastTables.Notes(Number));
        Assert.Equal(FastLayout.DataLength, FastTables.Notes(FastLayout.MaximumSlots));
    }

    [Theory]
    [InlineData(0UL, true)]
    [InlineData((1UL << FastLayout.TableBits) - 1, true)]
    [InlineData(1UL << FastLayout.TableBits, false)]
    [InlineData(ulong.MaxValue, false)]
    public void An_entry_is_one_of_the_table(ulong index, bool isEntry)
    {
        ulong address = Area.Fast + FastLayout.Table + unchecked(index * FastLayout.EntryLength);
        Name(address);
        Assert.Equal(isEntry ? (int)(address - Area.Fast) : Spare, _tables.EntryOf(Number));
        Name(address + 8);
        Assert.Equal(Spare, _tables.EntryOf(Number));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(Area.Fast)]
    [InlineData(0x7fff_0000_0000UL)]
    public void Whatever_a_program_writes_there_is_no_offset_of_this_process(ulong written)
    {
        Name(written);

        Assert.Equal(Spare, _tables.EntryOf(Number));
    }

    [Fact]
    public void Numbers_are_where_they_were_written()
    {
        _tables.WriteU64(0x100, 0x1122_3344_5566_7788);
        _tables.WriteU32(0x108, 0x99aa_bbcc);

        Assert.Equal((0x5566_7788u, 0x1122_3344u, 0x99aa_bbccu), (_tables.ReadU32(0x100), _tables.ReadU32(0x104), _tables.ReadU32(0x108)));
        Assert.Equal(0x1122_3344_5566_7788UL, _tables.ReadU64(0x100));
        Assert.Equal(0x1122_3344_5566_7788UL, MemoryMarshal.Read<ulong>(_tables.Slice(0x100, 8)));
    }

    private static int Spare => FastTables.Slot(Number) + FastLayout.SlotSpare;

    private void Name(ulong entry) => _tables.WriteU64(FastTables.Slot(Number) + FastLayout.SlotEntry, entry);
}
