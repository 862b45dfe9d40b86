using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Engine.Fast;
using Cloister.Engine.Stubs;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Engine.Tests.Fast;

/// <summary><see cref="TcsTable"/>: what an entry says, and whose it is.</summary>
public sealed class TcsTableTests : FastPathTestCase
{
    private static readonly EpcPage s_page = new(1);

    private TcsTable Table => _path.Tcss;

    [Fact]
    public void A_taken_TCS_is_its_slots_until_that_frees_it()
    {
        Assert.False(Table.IsTaken(SlotNumber));
        Busy = SlotNumber + 1;
        Assert.True(Table.IsTaken(SlotNumber));
        Assert.False(Table.IsTaken(SlotNumber + 1));
        Table.Free(SlotNumber + 1);
        Assert.Equal(SlotNumber + 1u, Busy);
        Table.Free(SlotNumber);

        Assert.Equal(0u, Busy);
    }

    [Fact]
    public void An_entry_stands_for_its_TCS_while_that_is_there()
    {
        Assert.Equal(new TcsPlace(_tcs, s_page, _enclave + 0x4000, 0x2000), Table.PlaceAt(_own.Machine, Entry));
        Assert.Null(Table.PlaceAt(_own.Machine, Entry ^ FastLayout.EntryLength));
        Assert.True(Eremove.Execute(_own.Machine, s_page).IsSuccess);

        Assert.Null(Table.PlaceAt(_own.Machine, Entry));
        Table.Refresh(_own.Machine, (ulong)Entry);
        Assert.Equal(0UL, Read64(FastLayout.EntryTcs));
    }

    [Fact]
    public void Where_anothers_thread_has_the_place_the_spare_serves()
    {
        int spare = FastTables.Slot(SlotNumber) + FastLayout.SlotSpare;
        LogicalProcessor processor = Enter();
        Busy = SlotNumber + 2;
        Assert.Equal(spare, Table.EntryFor(_own.Machine, processor, SlotNumber));
        Assert.Equal(SlotNumber + 2u, Busy);
        Busy = 0;

        Assert.Equal(Entry, Table.EntryFor(_own.Machine, processor, SlotNumber));
        Assert.Equal(SlotNumber + 1u, Busy);
        Assert.Equal(Entry, Table.EntryFor(_own.Machine, processor, SlotNumber));
        Table.Refresh(_own.Machine, (ulong)spare);
        Assert.Equal(0UL, MemoryMarshal.Read<ulong>(_file.Slice(spare + FastLayout.EntryTcs, 8)));
    }

    [Fact]
    public void What_the_tracer_must_look_at_has_no_entry_by_itself()
    {
        ref Tcs tcs = ref MemoryMarshal.AsRef<Tcs>(_own.Machine.Memory[s_page]);
        Table.Refresh(_own.Machine, (ulong)Entry);
        Assert.Equal((_tcs, 3UL), (Read64(FastLayout.EntryTcs), Read64(FastLayout.EntryXfrm)));

        // Nobody resumes by himself who wants to hear of it.
        tcs.Flags = TcsFlags.AexNotify;
        Table.Refresh(_own.Machine, (ulong)Entry);
        Assert.Equal((_tcs, 0UL), (Read64(FastLayout.EntryTcs), Read64(FastLayout.EntryXfrm)));

        Assert.True(Eblock.Execute(_own.Machine, s_page).IsSuccess);
        Table.Refresh(_own.Machine, (ulong)Entry);
        Assert.Equal(0UL, Read64(FastLayout.EntryTcs));
    }

    [Theory]
    [InlineData(0x1000, 0x2000, true)]
    [InlineData(0x5000, 0x6000, true)]
    [InlineData(0, 0x1000, false)]
    [InlineData(0x2000, 0x4000, false)]
    [InlineData(0x6000, 0x10000, false)]
    public void A_range_that_changes_shuts_the_TCSs_whose_pages_are_in_it(ulong start, ulong end, bool shuts)
    {
        Table.Invalidate(_enclave + start, _enclave + end);

        Assert.Equal(shuts ? 0UL : _tcs, Read64(FastLayout.EntryTcs));
    }

    private LogicalProcessor Enter()
    {
        LogicalProcessor processor = _own.Thread.Processor;
        processor.NoteEntered(_own.Machine, s_page, new LinearAddress(_tcs), new LinearAddress(Aep), HostFs, HostGs);
        return processor;
    }

    private ulong Read64(int offset) => MemoryMarshal.Read<ulong>(_file.Slice(Entry + offset, 8));
}
