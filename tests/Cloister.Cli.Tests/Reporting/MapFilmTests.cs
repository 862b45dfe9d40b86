using Cloister.Cli.Reporting;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Tests.Reporting;

/// <summary>What is drawn of an enclave's pages is what the trace says, after each step, however many changes there are.</summary>
public class MapFilmTests
{
    private const ulong Base = 0x7f0000000000, Size = 1UL << 44;

    [Theory]
    [InlineData(1, 30, 1)]
    [InlineData(2, 900, 50)]
    [InlineData(3, 20_000, 700)]
    [InlineData(4, 20_000, 9_000)]
    public void Each_step_shows_what_the_trace_has_up_to_there(int seed, int events, int pages)
    {
        var random = new Random(seed);
        EnclaveMap map = New();
        var told = new List<(ulong Page, PageState State, bool IsLoss)>();
        for (int i = 0; i < events; i++)
        {
            if (random.Next(500) == 0)
            {
                map.LosePower(i);
                told.Add((0, PageState.Removed, true));
                continue;
            }

            // Some by themselves, some in rows, some far away.
            ulong page = (ulong)random.Next(pages) * (random.Next(9) == 0 ? 100_003UL : 1);
            (string leaf, string? state) = random.Next(6) switch
            {
                0 => ("EADD", "PT_REG r-x"),
                1 => ("EAUG", "PT_REG rw- PENDING"),
                2 => ("EACCEPT", "PT_REG rw-"),
                3 => ("EWB", null),
                4 => ("ELDU", "PT_TCS ---"),
                _ => ("EREMOVE", (string?)null),
            };
            map.Take(Event(i, leaf, Base + (page << 12), state));
            told.Add((page, state is null ? leaf == "EWB" ? PageState.WrittenOut : PageState.Removed : PageState.Read(state)!.Value, false));
        }

        var film = new MapFilm(map);
        Assert.InRange(film.Frames.Count, 1, MapFilm.MostFrames);
        Assert.InRange(film.Layout.Rows.Count, 1, MapLayout.MostRows);
        var now = new Dictionary<ulong, PageState>();
        int[] counts = new int[film.States.Count];
        var cells = new Dictionary<int, (int State, bool IsMixed)>();
        int at = 0, most = 0, fullest = 0;
        for (int step = 0; step < film.Frames.Count; step++)
        {
            MapFrame frame = film.Frames[step];
            for (; at < told.Count && at <= frame.Ended; at++)
            {
                (ulong page, PageState state, bool isLoss) = told[at];
                foreach (ulong one in isLoss ? now.Keys.ToArray() : [page])
                {
                    now[one] = state;
                }
            }

            foreach ((int state, int number) in frame.Counts)
            {
                counts[state] = number;
            }

            foreach ((int first, int count, int state, bool isMixed) in frame.Cells)
            {
                for (int cell = first; cell < first + count; cell++)
                {
                    cells[cell] = (state, isMixed);
                }
            }

            for (int state = 0; state < counts.Length; state++)
            {
                Assert.Equal(now.Values.Count(one => one == film.States[state]), counts[state]);
            }

            int inEpc = now.Values.Count(one => one.IsInEpc);
            (most, fullest) = inEpc >= most ? (inEpc, step) : (most, fullest);
            foreach (IGrouping<int, PageState> cell in now.GroupBy(one => film.Layout.CellOf(one.Key + (Base >> 12)), one => one.Value))
            {
                (int state, bool isMixed) = cells[cell.Key];
                Assert.Equal(cell.Distinct().Count() > 1, isMixed);
                Assert.Equal(cell.GroupBy(one => one).Max(same => same.Count()), cell.Count(one => one == film.States[state]));
            }
        }

        Assert.Equal(told.Count, at);
        Assert.Equal(fullest, film.Fullest);
        Assert.Equal(now.Count, film.Layout.Pages);
        Assert.Equal(now.Count, film.Layout.PagesInCell.Sum());
    }

    [Fact]
    public void Pages_that_are_added_one_after_another_are_one_step()
    {
        EnclaveMap map = New();
        for (ulong page = 0; page < 100_000; page++)
        {
            map.Take(Event((long)page, "EADD", Base + (page << 12), "PT_REG rw-"));
        }

        map.Take(Event(100_000, "EMODT", Base, "PT_TCS --- MODIFIED"));
        var film = new MapFilm(map);
        Assert.Equal(["EADD 0x0, 100000 pages: PT_REG rw-", "EMODT 0x0: PT_TCS --- MODIFIED"], film.Frames.Select(frame => frame.What));
        Assert.Equal(1, film.ChangesInFrame);
        Assert.Equal(100_000, film.Layout.PagesInCell.Sum());
        Assert.InRange(film.Layout.Rows.Count, 20, MapLayout.MostRows);
        Assert.Equal([(PageLeaf.Eadd, 100_000)], film.Frames[0].Leaves);
    }

    [Fact]
    public void What_differs_everywhere_stays_as_large_as_a_page_can_show()
    {
        EnclaveMap map = New();
        var random = new Random(5);
        for (int i = 0; i < 300_000; i++)
        {
            map.Take(Event(i, "EACCEPT", Base + ((ulong)random.Next(2_000) << 12), random.Next(2) == 0 ? "PT_REG rw-" : "PT_REG r--"));
        }

        var film = new MapFilm(map);
        Assert.InRange(film.Frames.Sum(frame => frame.Cells.Count), 1, MapFilm.MostRuns);
        Assert.InRange(film.Frames.Count, 2, MapFilm.MostFrames);
        Assert.Equal(300_000, film.Frames.Sum(frame => frame.Leaves.Sum(leaf => leaf.Pages)));
    }

    [Fact]
    public void Pages_at_both_ends_of_the_largest_range_fit()
    {
        var map = new EnclaveMap(1);
        map.Take(Event(0, "ECREATE", 0, "PT_SECS ---") with { Length = 1UL << 56 });
        map.Take(Event(1, "EADD", 0, "PT_REG rw-"));
        map.Take(Event(2, "EADD", (1UL << 56) - 4096, "PT_TCS ---"));
        var film = new MapFilm(map);
        Assert.Equal(2, film.Layout.Pages);
        Assert.Equal([0, ((1UL << 56) - 4096) >> 12 >> 6 << 6], film.Layout.Rows);
        Assert.Equal(0, film.Layout.CellBits);
    }

    private static EnclaveMap New()
    {
        var map = new EnclaveMap(1);
        map.Take(Event(0, "ECREATE", Base, "PT_SECS ---") with { Length = Size });
        return map;
    }

    internal static TraceEvent Event(long time, string leaf, ulong address, string? page) => new()
    {
        Kind = TraceKinds.Encls,
        Name = leaf,
        Time = time,
        Duration = -1,
        Process = 7,
        Thread = 7,
        Enclave = 1,
        Address = address,
        Outcome = "0",
        Page = page,
        Count = 1,
    };
}
