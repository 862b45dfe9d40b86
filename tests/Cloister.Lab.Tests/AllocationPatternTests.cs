namespace Cloister.Lab.Tests;

public class AllocationPatternTests
{
    public static TheoryData<string> Names { get; } = [.. AllocationPattern.All.Select(pattern => pattern.Id)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_page_is_first_used_once_and_before_any_other_use(string name)
    {
        foreach (int pages in (int[])[1, 2, 9, 10, 11, 1000])
        {
            var seen = new HashSet<int>();
            Assert.All(AllocationPattern.Find(name)!.Uses(pages), use =>
            {
                Assert.InRange(use.Page, 0, pages - 1);
                Assert.Equal(seen.Add(use.Page), use.First);
            });
            Assert.NotEmpty(seen);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_pattern_is_the_same_each_time(string name)
    {
        AllocationPattern pattern = AllocationPattern.Find(name)!;
        Assert.Equal(pattern.Uses(500), pattern.Uses(500));
    }

    [Fact]
    public void All_touched_is_every_page_upwards() =>
        Assert.Equal(Enumerable.Range(0, 100), AllocationPattern.Every.Uses(100).Select(use => use.Page));

    [Theory]
    [InlineData(100, 10)]
    [InlineData(101, 11)]
    [InlineData(1, 1)]
    public void One_in_ten_is_one_in_ten(int pages, int used) =>
        Assert.Equal(Enumerable.Range(0, used).Select(i => i * 10), AllocationPattern.OneInTen.Uses(pages).Select(use => use.Page));

    [Fact]
    public void Random_uses_as_many_times_as_there_are_pages_and_not_all_of_them()
    {
        IReadOnlyList<PageUse> uses = AllocationPattern.Random.Uses(1000);
        Assert.Equal(1000, uses.Count);

        // Of n pages drawn n times, 1 - 1/e are expected.
        Assert.InRange(uses.Count(use => use.First), 600, 664);
        Assert.NotEqual(uses.Order(Comparer<PageUse>.Create((a, b) => a.Page - b.Page)), uses);
    }

    [Fact]
    public void A_jit_uses_a_quarter_four_times() => Assert.All(
        AllocationPattern.Jit.Uses(100).GroupBy(use => use.Page),
        page => Assert.Equal(4, page.Count()));

    [Fact]
    public void Only_a_jit_runs_code() =>
        Assert.Equal(AllocationPattern.Jit, Assert.Single(AllocationPattern.All, pattern => pattern.RunsCode));

    [Fact]
    public void What_a_program_did_is_done_again_in_its_order()
    {
        var pattern = AllocationPattern.Of("a program", [3, 1, 3, 0]);
        Assert.Equal([new PageUse(3, true), new PageUse(1, true), new PageUse(3, false), new PageUse(0, true)], pattern.Uses(4));
        Assert.False(pattern.IsNamed);
        Assert.Null(AllocationPattern.Find(pattern.Id));
    }

    [Fact]
    public void Another_seed_is_another_random_and_the_same_of_everything_else()
    {
        foreach (AllocationPattern pattern in AllocationPattern.All)
        {
            AllocationPattern other = pattern.WithSeed(7);
            Assert.Equal(pattern == AllocationPattern.Random, !pattern.Uses(100).SequenceEqual(other.Uses(100)));
            Assert.Equal(other.Uses(100), pattern.WithSeed(7).Uses(100));
            Assert.Equal(pattern != AllocationPattern.Random, other.IsNamed);
            Assert.Equal((true, pattern.RunsCode), (other.WithSeed(AllocationPattern.DefaultSeed).IsNamed, other.RunsCode));
        }
    }

    [Fact]
    public void Names_are_names_of_one()
    {
        Assert.Equal(AllocationPattern.All.Count, AllocationPattern.All.Select(pattern => pattern.Id).Distinct().Count());
        Assert.Equal(AllocationWay.All.Count, AllocationWay.All.Select(way => way.Id).Distinct().Count());
        Assert.All(AllocationWay.All, way => Assert.Same(way, AllocationWay.Find(way.Id)));
        Assert.Null(AllocationWay.Find("none"));
        Assert.Null(AllocationPattern.Find("none"));
    }
}
