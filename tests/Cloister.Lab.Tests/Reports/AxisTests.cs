using Cloister.Lab.Reports;

namespace Cloister.Lab.Tests.Reports;

public class AxisTests
{
    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(double.NaN, 1, 1)]
    [InlineData(1, 1, 0.2)]
    [InlineData(4.2, 5, 1)]
    [InlineData(12, 12.5, 2.5)]
    [InlineData(100, 100, 20)]
    [InlineData(376, 400, 100)]
    [InlineData(0.03, 0.03, 0.01)]
    public void Ticks_stand_at_round_numbers(double largest, double maximum, double step)
    {
        Axis axis = Axis.For(largest);
        Assert.Equal(step, axis.Step, 9);
        Assert.Equal(maximum, axis.Maximum, 9);
    }

    [Fact]
    public void An_axis_begins_at_0_holds_the_largest_value_and_has_few_ticks() => Assert.All(Enumerable.Range(1, 4000), i =>
    {
        double largest = i * 0.37;
        Axis axis = Axis.For(largest);
        double[] ticks = [.. axis.Ticks];
        Assert.Equal(0, ticks[0]);
        Assert.True(axis.Maximum >= largest * (1 - 1e-9));
        Assert.Equal(axis.Maximum, ticks[^1], 6);
        Assert.InRange(ticks.Length, 2, 7);
    });
}
