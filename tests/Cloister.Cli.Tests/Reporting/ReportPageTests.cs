using Cloister.Cli.Reporting;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Tests.Reporting;

/// <summary>The page of a trace, whose names may be anything.</summary>
public class ReportPageTests
{
    private const string Hostile = "</script><img src=x onerror=alert(1)>{{data}}\"'&\u001b[2J";

    [Fact]
    public void Names_of_a_trace_are_text_and_nothing_else()
    {
        var digest = new TraceDigest();
        digest.Begin(new TraceHeader(Hostile, [Hostile], Hostile, Hostile, Hostile, 1, DateTimeOffset.UnixEpoch));
        digest.Take(new TraceEvent
        {
            Kind = TraceKinds.Enclu,
            Name = Hostile,
            Time = 1,
            Duration = 1,
            Process = 1,
            Thread = 1,
            Outcome = Hostile,
            Detail = Hostile,
            Count = 1,
        });
        string page = ReportPage.Render(digest, ReportPage.Template());
        Assert.DoesNotContain("<img", page);
        Assert.DoesNotContain("\u001b", page);
        Assert.DoesNotContain("{{", page.Replace("${{", "", StringComparison.Ordinal));
        Assert.Equal(2, page.Split("</script>").Length - 1);
    }

    [Fact]
    public void A_trace_in_which_nothing_happened_is_a_page()
    {
        var digest = new TraceDigest();
        digest.Begin(new TraceHeader("1", ["true"], "fast", "fast", "v6.0", 1, DateTimeOffset.UnixEpoch));
        Assert.Contains("it ran on, or Cloister was killed", ReportPage.Render(digest, ReportPage.Template()));
    }
}
