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
    public void A_failure_is_told_with_what_the_page_was_then()
    {
        string page = Page(TraceKinds.All, [
            Leaf("ECREATE", 0x10000, "PT_SECS ---") with { Length = 0x10000 },
            Leaf("EAUG", 0x13000, "PT_REG rw- PENDING"),
            Leaf("EADD", 0x14000, "PT_REG r-x"),
            .. Fault(0x13000), .. Fault(0x13000), .. Fault(0x14000), .. Fault(0x15000), .. Fault(0x900000),
            Leaf("EREMOVE", 0x13000, null),
            .. Fault(0x13000),
        ]);
        Assert.Contains("<td>0x3000: PT_REG rw- PENDING</td><td class=\"long\">added by EAUG, and used before", page);
        Assert.Contains("<td>0x4000: PT_REG r-x</td><td class=\"long\">one of several", page);
        Assert.Contains("<td>0x5000: no page</td><td class=\"long\">an address in the enclave where nothing was added", page);
        Assert.Contains("<td>outside of the enclave</td><td class=\"long\">a pointer that is NULL or wild", page);
        Assert.Contains("<td>0x3000: removed</td><td class=\"long\">an address in the enclave where nothing was added", page);

        // Among how things ended they are one.
        Assert.Contains("<td class=\"n\">6</td><td>exception</td><td>#PF</td><td>SIGSEGV</td>", page);
    }

    [Fact]
    public void What_the_trace_was_made_without_is_told()
    {
        TraceEvent[] events = [Leaf("ECREATE", 0x10000, "PT_SECS ---") with { Length = 0x10000 }, Leaf("EADD", 0x14000, "PT_REG r-x")];
        Assert.Contains("without the event <code>paging</code>", Page(TraceKinds.All & ~TraceKinds.Paging, events));
        Assert.Contains("without the event <code>enclu</code>", Page(TraceKinds.Encls, events));
        Assert.Contains("without the event <code>encls</code>, which tells of pages", Page(TraceKinds.Ioctl, []));
        Assert.Contains("it is of an older version", Page(TraceKinds.All, [Leaf("ECREATE", 0, null), Leaf("EADD", 0x14000, null)]));
        Assert.DoesNotContain("without the event", Page(TraceKinds.All, events));
    }

    [Fact]
    public void Enclaves_at_one_place_at_different_times_are_two()
    {
        TraceEvent created = Leaf("ECREATE", 0x10000, "PT_SECS ---") with { Length = 0x10000 };
        var digest = new TraceDigest();
        foreach (TraceEvent e in (TraceEvent[])[
            created, Leaf("EADD", 0x11000, "PT_REG r-x"), Leaf("EREMOVE", 0x11000, null), Leaf("EREMOVE", 0, null),
            created with { Enclave = 2, Length = 0x8000 }, Leaf("EADD", 0x12000, "PT_TCS ---") with { Enclave = 2 },
        ])
        {
            digest.Take(in e);
        }

        Assert.Equal(["no page", "PT_TCS ---"], digest.Maps.Select(map => map.StateOf(0x12000).ToString()));
        Assert.Equal(["removed", "no page"], digest.Maps.Select(map => map.StateOf(0x11000).ToString()));
    }

    [Fact]
    public void A_loss_of_power_takes_the_pages_of_all()
    {
        var digest = new TraceDigest();
        foreach (TraceEvent e in (TraceEvent[])[
            Leaf("ECREATE", 0x10000, "PT_SECS ---") with { Length = 0x10000 }, Leaf("EADD", 0x11000, "PT_REG r-x"),
            Leaf("power loss", 0, null) with { Kind = TraceKinds.Power, Enclave = 0, Outcome = null },
        ])
        {
            digest.Take(in e);
        }

        Assert.Equal(0, digest.Epc.Single().Pages);
        Assert.Equal(PageLeaf.PowerLoss, digest.Maps.Single().Changes[^1].Leaf);
    }

    [Fact]
    public void A_trace_in_which_nothing_happened_is_a_page()
    {
        var digest = new TraceDigest();
        digest.Begin(new TraceHeader("1", ["true"], "fast", "fast", "v6.0", 1, DateTimeOffset.UnixEpoch));
        string page = ReportPage.Render(digest, ReportPage.Template());
        Assert.Contains("it ran on, or Cloister was killed", page);
        Assert.Contains("<h2>Pages of enclaves</h2>\n<p>Nothing.</p>", page);
    }

    private static string Page(TraceKinds kinds, IEnumerable<TraceEvent> events)
    {
        var digest = new TraceDigest();
        digest.Begin(new TraceHeader("1", ["true"], "trap", "fast", "v6.0", 1, DateTimeOffset.UnixEpoch, kinds));
        foreach (TraceEvent e in events)
        {
            digest.Take(in e);
        }

        return ReportPage.Render(digest, ReportPage.Template());
    }

    private static TraceEvent Leaf(string name, ulong address, string? page) => MapFilmTests.Event(1, name, address, page);

    // The asynchronous exit, and what comes of it to the program.
    private static TraceEvent[] Fault(ulong address) =>
    [
        Leaf("AEX", address, null) with { Kind = TraceKinds.Exit, Outcome = null, Detail = "#PF" },
        Leaf("#PF", address, null) with { Kind = TraceKinds.Exception, Enclave = 0, Outcome = "SIGSEGV" },
    ];
}
