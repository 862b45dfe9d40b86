using System.Text;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Services;

namespace Cloister.Attestation.Tests.Collaterals;

/// <summary>Who asks again gets the same bytes, until a day is over.</summary>
public class CollateralPublicationTests
{
    private static readonly World s_world = new();

    [Theory]
    [InlineData("tcb?fmspc=00c10157e500")]
    [InlineData("qe/identity")]
    [InlineData("qve/identity")]
    [InlineData("rootcacrl")]
    [InlineData("pckcrl?ca=platform")]
    [InlineData("pckcrl?ca=processor&encoding=der")]
    public void Asked_again_a_service_gives_the_same_bytes_and_the_next_day_others(string what)
    {
        var clock = new Clock();
        var published = new CollateralPublication(s_world.Platform, new Verdict(), clock);
        PccsService first = new(s_world.Platform, published), second = new(s_world.Platform, published);
        byte[] Get(PccsService service)
        {
            HttpAnswer answer = service.Get("/sgx/certification/v4/" + what);
            Assert.True(answer.Status == 200, Encoding.UTF8.GetString(answer.Body));
            return answer.Body;
        }

        byte[] once = Get(first);
        clock.Now += TimeSpan.FromHours(23);
        Assert.Equal(once, Get(first));
        Assert.Equal(once, Get(second));
        clock.Now += TimeSpan.FromHours(2);
        Assert.NotEqual(once, Get(first));
        Assert.Equal(Get(first), Get(second));
    }

    [Fact]
    public void What_is_published_is_valid_for_the_whole_day()
    {
        var clock = new Clock();
        var published = new CollateralPublication(s_world.Platform, new Verdict(), clock);
        Collateral all = published.Current.All();
        Assert.Equal(TcbStatus.UpToDate, s_world.Verify(s_world.Quote(), all, clock.Now).Status);
        Assert.Equal(TcbStatus.UpToDate, s_world.Verify(s_world.Quote(), all, clock.Now + TimeSpan.FromDays(1)).Status);
    }

    /// <summary>A clock that was set back, as by NTP after a start, publishes nothing from the future.</summary>
    [Fact]
    public void A_clock_that_is_set_back_publishes_anew()
    {
        var clock = new Clock();
        var published = new CollateralPublication(s_world.Platform, new Verdict(), clock);
        CollateralMaker before = published.Current;
        clock.Now -= TimeSpan.FromMinutes(5);
        Assert.NotSame(before, published.Current);
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = World.Now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
