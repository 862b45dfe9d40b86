using Cloister.Engine.Memory;

namespace Cloister.Engine.Tests.Memory;

/// <summary><see cref="PlantedBreakpoints"/>.</summary>
public class PlantedBreakpointsTests
{
    private const ulong Start = 0x1000;
    private readonly byte[] _memory = [1, 2, 3, 4];
    private readonly PlantedBreakpoints _planted;

    public PlantedBreakpointsTests() => _planted = new PlantedBreakpoints(
        at => at - Start < (ulong)_memory.Length ? _memory[at - Start] : null, (at, value) => (_memory[at - Start] = value) == value);

    [Fact]
    public void One_is_planted_once_and_taken_away()
    {
        Assert.True(_planted.Plant(Start + 1));
        Assert.True(_planted.Plant(Start + 1));
        Assert.Equal([1, 0xcc, 3, 4], _memory);
        _planted.Remove(Start + 1);
        Assert.Equal([1, 2, 3, 4], _memory);
        Assert.True(_planted.IsEmpty);
    }

    [Fact]
    public void Where_one_was_is_known_until_the_program_has_its_own()
    {
        Assert.False(_planted.HasGone(Start));
        Assert.True(_planted.Plant(Start));
        Assert.False(_planted.HasGone(Start));
        _planted.Remove(Start);
        Assert.True(_planted.HasGone(Start));
        _memory[0] = 0xcc;
        Assert.False(_planted.HasGone(Start));
    }

    [Fact]
    public void None_is_where_nothing_can_be_read()
    {
        Assert.False(_planted.Plant(Start + 4));
        Assert.False(_planted.Contains(Start + 4));
    }

    [Fact]
    public void What_the_program_wrote_over_it_stays()
    {
        Assert.True(_planted.Plant(Start));
        _memory[0] = 9;
        _planted.Remove(Start);
        Assert.Equal(9, _memory[0]);
    }

    [Fact]
    public void What_is_mapped_there_since_gets_one_of_its_own()
    {
        Assert.True(_planted.Plant(Start));
        _memory[0] = 9;
        Assert.True(_planted.Plant(Start));
        Assert.Equal(0xcc, _memory[0]);
        _planted.Clear();
        Assert.Equal(9, _memory[0]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_memory_that_was_copied_has_none_also_where_they_are_gone(bool isGone)
    {
        Assert.True(_planted.Plant(Start));
        Assert.True(_planted.Plant(Start + 2));
        byte[] copied = [.. _memory];
        copied[2] = 9; // the child has written since
        if (isGone)
        {
            _planted.Clear();
        }

        _planted.RemoveFrom(new PlantedBreakpoints(at => copied[at - Start], (at, value) => (copied[at - Start] = value) == value));
        Assert.Equal([1, 2, 9, 4], copied);
    }

    [Fact]
    public void An_INT3_of_the_programs_own_stays_in_a_copy()
    {
        Assert.True(_planted.Plant(Start));
        _planted.Remove(Start);
        _memory[0] = 0xcc;
        byte[] copied = [.. _memory];
        _planted.RemoveFrom(new PlantedBreakpoints(at => copied[at - Start], (at, value) => (copied[at - Start] = value) == value));
        Assert.Equal([0xcc, 2, 3, 4], copied);
    }

    [Fact]
    public void Copies_are_what_the_program_has()
    {
        Assert.True(_planted.Plant(Start + 2));
        byte[] copy = [.. _memory[1..]];
        _planted.Restore(copy, Start + 1);
        Assert.Equal([2, 3, 4], copy);
    }

    [Fact]
    public void Bytes_that_are_written_stand_behind_it()
    {
        Assert.True(_planted.Plant(Start + 2));
        byte[] written = [7, 8];
        _planted.Cover(written, Start + 1);
        Assert.Equal([7, 0xcc], written);
        _planted.Remove(Start + 2);
        Assert.Equal(8, _memory[2]);
    }

    [Fact]
    public void A_page_that_is_gone_takes_its_own()
    {
        Assert.True(_planted.Plant(Start));
        _planted.ForgetPage(Start + 0x1000);
        Assert.True(_planted.Contains(Start));
        _planted.ForgetPage(Start);
        Assert.True(_planted.IsEmpty);
        Assert.Equal(0xcc, _memory[0]);
    }
}
