using Cloister.Cli.Reporting;
using static Cloister.Cli.Tests.Reporting.MapFilmTests;

namespace Cloister.Cli.Tests.Reporting;

/// <summary>What became of an enclave's pages, as its trace has it.</summary>
public class EnclaveMapTests
{
    private readonly EnclaveMap _map = new(1);

    [Fact]
    public void Neighbours_that_one_leaf_changed_in_a_row_are_one_change()
    {
        _map.Take(Event(1, "EADD", 0x1000, "PT_REG r-x"));
        _map.Take(Event(2, "EADD", 0x2000, "PT_REG r-x"));
        _map.Take(Event(3, "EADD", 0x3000, "PT_REG rw-"));
        _map.Take(Event(4, "EADD", 0x5000, "PT_REG rw-"));
        Assert.Equal([(1UL, 2), (3, 1), (5, 1)], _map.Changes.Select(change => (change.First, change.Count)));
        Assert.Equal("PT_REG r-x", _map.StateOf(0x2abc).ToString());
        Assert.Equal(PageState.None, _map.StateOf(0x4000));
    }

    [Fact]
    public void A_SECS_is_no_page_of_the_map_and_a_page_at_0_is()
    {
        _map.Take(Event(0, "ECREATE", 0, "PT_SECS ---") with { Length = 0x10000 });
        _map.Take(Event(1, "EADD", 0, "PT_REG rw-"));
        _map.Take(Event(2, "EWB", 0, null));
        Assert.Equal(PageState.WrittenOut, _map.StateOf(0));
        _map.Take(Event(3, "EBLOCK", 0, "PT_SECS --- BLOCKED"));
        _map.Take(Event(4, "EWB", 0, null));
        _map.Take(Event(5, "ELDU", 0, "PT_SECS ---"));
        _map.Take(Event(6, "ELDU", 0, "PT_REG rw-"));
        _map.Take(Event(7, "EREMOVE", 0, null));
        _map.Take(Event(8, "EREMOVE", 0, null));
        Assert.Equal([PageLeaf.Eadd, PageLeaf.Ewb, PageLeaf.Eldu, PageLeaf.Eremove], _map.Changes.Select(change => change.Leaf));
    }

    [Fact]
    public void Leaves_of_which_nothing_is_said_are_told_and_left_out()
    {
        _map.Take(Event(1, "EADD", 0x1000, null));
        _map.Take(Event(2, "EADD", 0x2000, "something new"));
        Assert.Empty(_map.Changes);
        Assert.True(_map.IsUntold);
    }

    [Fact]
    public void What_no_enclave_has_is_no_event()
    {
        _map.Take(Event(0, "ECREATE", 0x10000, "PT_SECS ---") with { Length = 0x10000 });
        _map.Take(Event(1, "EADD", 0x1f000, "PT_REG rw-"));
        _ = Assert.Throws<FormatException>(() => _map.Take(Event(2, "EADD", 0x20000, "PT_REG rw-")));
        _ = Assert.Throws<FormatException>(() => _map.Take(Event(2, "EADD", 0xf000, "PT_REG rw-")));
        _ = Assert.Throws<FormatException>(() => _map.Take(Event(2, "ECREATE", 0, "PT_SECS ---") with { Length = 0x10000 }));
        _ = Assert.Throws<FormatException>(() => new EnclaveMap(2).Take(
            Event(2, "ECREATE", 0xfffffffffffff000, "PT_SECS ---") with { Length = 0x10000 }));
    }

    [Fact]
    public void A_loss_of_power_takes_what_is_there_and_is_no_change_where_nothing_is()
    {
        _map.LosePower(1);
        Assert.Empty(_map.Changes);
        _map.Take(Event(2, "EADD", 0x1000, "PT_REG rw-"));
        _map.LosePower(3);
        _map.LosePower(4);
        Assert.Equal([PageLeaf.Eadd, PageLeaf.PowerLoss], _map.Changes.Select(change => change.Leaf));
        Assert.False(_map.StateOf(0x1000).IsInEpc);
    }
}
