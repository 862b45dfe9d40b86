using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

public sealed class FastSlotsTests : IDisposable
{
    private readonly MappedFile _file = MappedFile.Create("tables", FastLayout.FileLength);
    private readonly OwnThread _own = new();
    private readonly FastTables _tables;
    private readonly FastSlots _slots;

    public FastSlotsTests()
    {
        _tables = new FastTables(_file);
        _slots = new FastSlots(_tables);
    }

    public void Dispose()
    {
        _tables.Dispose();
        _own.Dispose();
    }

    [Fact]
    public void Each_thread_has_one_and_the_lowest_that_is_free()
    {
        TracedThread[] threads = [.. Enumerable.Range(0, 4).Select(_ => New())];
        Assert.All(threads[..3], thread => Assert.True(_slots.Assign(thread)));
        Assert.Equal([0, 1, 2], threads[..3].Select(thread => _slots.Find(thread)!.Slot));
        Assert.Equal(1, _slots.Release(threads[1])!.Slot);
        Assert.Null(_slots.Release(threads[1]));
        Assert.True(_slots.Assign(threads[3]));

        Assert.Equal((1, 3), (_slots.Find(threads[3])!.Slot, _slots.Count));
        Assert.Equal(FastLayout.Selector(1), threads[3].Peek().Es);
        Assert.Equal(2u, _tables.ReadU32(FastTables.Slot(1) + FastLayout.SlotNumber));
        Assert.Equal(Area.Fast + (ulong)FastTables.Notes(1), _tables.ReadU64(FastTables.Slot(1) + FastLayout.SlotNotesAddress));
        Assert.Equal(3, _slots.Threads.Count());
    }

    [Fact]
    public void One_that_has_lost_its_selector_gets_it_back_and_keeps_one_of_its_own()
    {
        TracedThread thread = New();
        Assert.True(_slots.Assign(thread));
        thread.Registers.Es = 0;
        Assert.True(_slots.Assign(thread));
        Assert.Equal(FastLayout.Selector(0), thread.Peek().Es);
        thread.Registers.Es = 0x2b;
        Assert.True(_slots.Assign(thread));

        Assert.Equal(0x2bUL, thread.Peek().Es);
        Assert.Equal(1, _slots.Count);
    }

    [Fact]
    public void Descriptors_are_made_64_at_a_time_and_where_there_are_none_nobody_has_a_slot()
    {
        TracedThread first = New(), second = New();
        Assert.True(_slots.Assign(first) && _slots.Assign(second));
        Assert.Equal(64, Calls(first).Count(call => call.Number == SystemCall.ModifyLdt));
        Assert.Empty(Calls(second));

        var none = new FastSlots(_tables);
        TracedThread third = New(-(long)Errno.ENOMEM);
        Assert.False(none.Assign(third));
        Assert.Null(none.Find(third));
        Assert.Equal(0UL, third.Peek().Es);
    }

    [Fact]
    public void A_child_has_the_slot_of_its_makers_number_and_those_below_are_free()
    {
        TracedThread[] parents = [.. Enumerable.Range(0, 3).Select(_ => New())];
        Assert.All(parents, thread => Assert.True(_slots.Assign(thread)));
        var copy = new FastSlots(_tables);
        TracedThread child = New(), other = New();
        copy.Inherit(child, 2, _slots);

        Assert.Equal((2, 3), (copy.Find(child)!.Slot, copy.Count));
        Assert.True(copy.Assign(other));
        Assert.Equal(0, copy.Find(other)!.Slot);
        Assert.Empty(Calls(other));
        var unknown = new FastSlots(_tables);
        unknown.Inherit(child, -1, _slots);
        Assert.Null(unknown.Find(child));
        Assert.Equal(0, unknown.Count);
    }

    private static List<RemoteCall> Calls(TracedThread thread) => ((TestThread)thread.Held).Calls;

    private TracedThread New(long result = 0) =>
        new(new TestThread(1 << 23, _own.Thread.Process) { OnCall = _ => result }, _own.Thread.Process);
}
