using Cloister.Engine.Options;

namespace Cloister.Engine.Tests.Options;

public class InterruptPlanTests
{
    [Theory]
    [InlineData("1", 1, null)]
    [InlineData("9223372036854775807", long.MaxValue, null)]
    [InlineData("7:0", 7, 0UL)]
    [InlineData("7:18446744073709551615", 7, ulong.MaxValue)]
    public void A_number_and_a_seed_behind_a_colon(string text, long every, ulong? seed)
    {
        Assert.True(InterruptPlan.TryParse(text, out long read, out ulong? chosen));
        Assert.Equal((every, seed), (read, chosen));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1:")]
    [InlineData(":1")]
    [InlineData("1:x")]
    [InlineData("1:1:1")]
    [InlineData(" 1")]
    [InlineData("9223372036854775808")]
    public void Anything_else_is_refused(string text) => Assert.False(InterruptPlan.TryParse(text, out _, out _));

    // conformance/programs/stepped_run.run has these too.
    [Theory]
    [InlineData(1UL, 0, 3)]
    [InlineData(1UL, 1, 1)]
    [InlineData(2UL, 0, 5)]
    public void A_seed_chooses_the_first_of_each_thread(ulong seed, long thread, long first) =>
        Assert.Equal(first, new InterruptPlan { Every = 7, Seed = seed }.First(thread));

    [Fact]
    public void It_is_one_of_the_first_N_and_each_of_them_for_some_seed()
    {
        Assert.Equal(7, new InterruptPlan { Every = 7 }.First(5));
        HashSet<long> chosen = [.. Enumerable.Range(0, 1000).Select(seed => new InterruptPlan { Every = 7, Seed = (ulong)seed }.First(0))];
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], chosen.Order());
    }
}
