using Cloister.Architecture;
using Cloister.Cli.Journal;

namespace Cloister.Cli.Tests.Journal;

/// <summary>Lives of pages: each kept once, what comes again and again with its number, and none without an end.</summary>
public class PageLivesTests
{
    private const SecinfoFlags Rw = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    private readonly PageLives _lives = new();

    [Fact]
    public void Pages_to_which_the_same_happened_have_one_life()
    {
        PageLife one = After("EAUG", "EACCEPT"), other = After("EAUG", "EACCEPT");
        Assert.Same(one, other);
        Assert.NotSame(one, After("EAUG"));
        Assert.Equal("EAUG → EACCEPT", one.Text);
    }

    [Fact]
    public void What_follows_itself_has_its_number() => Assert.Equal("EADD → EEXTEND ×16", After(["EADD", .. Enumerable.Repeat("EEXTEND", 16)]).Text);

    [Fact]
    public void What_comes_again_and_again_is_one_event()
    {
        string[] cycle = ["EBLOCK", "EWB", "ELDU"];
        PageLife life = After(["EADD", .. Enumerable.Repeat(cycle, 1000).SelectMany(one => one), "EREMOVE"]);
        Assert.Equal("EADD → (EBLOCK → EWB → ELDU) ×1000 → EREMOVE", life.Text);
        Assert.Equal("EADD → (EBLOCK → EWB → ELDU) ×2 → EBLOCK → EWB", After(["EADD", .. cycle, .. cycle, "EBLOCK", "EWB"]).Text);
    }

    [Fact]
    public void Types_and_states_are_those_it_had()
    {
        PageLife life = _lives.None;
        life = _lives.After(life, "EAUG", Rw | SecinfoFlags.Pending);
        life = _lives.After(life, "EACCEPT", Rw);
        life = _lives.After(life, "write (#PF)", null);
        life = _lives.After(life, "EMODT", SecinfoFlags.Tcs | SecinfoFlags.Modified);
        Assert.Equal(("REG → TCS", "rw- pending → rw- → --- modified"), (life.Types, life.States));
    }

    [Fact]
    public void A_life_that_never_repeats_is_cut_and_says_so()
    {
        var random = new Random(1);
        PageLife life = After([.. Enumerable.Range(0, 10_000).Select(_ => $"{(char)('a' + random.Next(26))}")]);
        Assert.True(life.IsCut);
        Assert.InRange(life.Events.Count, PageLives.MostEvents - 8, PageLives.MostEvents);
        Assert.EndsWith(" → ...", life.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void There_are_no_more_lives_than_fit()
    {
        for (int i = 0; i < PageLives.MostLives; i++)
        {
            _ = After($"{i}");
        }

        Assert.Equal("...", After("one more").Text);
        Assert.Equal("5", After("5").Text);
        Assert.Equal("5 → ...", After("5", "6").Text);
    }

    private PageLife After(params string[] events) => events.Aggregate(_lives.None, (life, what) => _lives.After(life, what, null));
}
