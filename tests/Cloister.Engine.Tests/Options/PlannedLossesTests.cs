using Cloister.Engine.Options;

namespace Cloister.Engine.Tests.Options;

public class PlannedLossesTests
{
    private int _due;

    [Fact]
    public void One_is_due_at_each_number_of_the_plan_and_at_no_other()
    {
        PlannedLosses losses = Of(new PowerLossPlan { Entries = [4, 2] });

        Assert.Equal([0, 1, 1, 2, 2], Counts(losses.CountEntry, 5));
    }

    [Fact]
    public void Entries_and_ioctls_are_counted_apart()
    {
        PlannedLosses losses = Of(new PowerLossPlan { Entries = [2], Ioctls = [1] });

        Assert.Equal([1, 1, 1], Counts(losses.CountIoctl, 3));
        Assert.Equal([1, 2], Counts(losses.CountEntry, 2));
    }

    [Fact]
    public void Entries_need_a_stop_only_while_one_of_them_is_planned()
    {
        PlannedLosses losses = Of(new PowerLossPlan { Entries = [1] });
        Assert.True(losses.CountsEntries);
        losses.CountEntry();

        Assert.False(losses.CountsEntries);
        Assert.False(Of(new PowerLossPlan { Ioctls = [1] }).CountsEntries);
    }

    private PlannedLosses Of(PowerLossPlan plan) => new(plan) { OnDue = _ => _due++ };

    private IEnumerable<int> Counts(Action count, int times)
    {
        for (int i = 0; i < times; i++)
        {
            count();
            yield return _due;
        }
    }
}
