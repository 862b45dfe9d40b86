using Cloister.Cli.Lab;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Tests.Lab;

public class TracedUsesTests
{
    private const ulong Base = 0x7000_0000_0000;

    private readonly TracedUses _uses = new();

    [Fact]
    public void Pages_that_were_added_at_run_time_are_the_pattern_of_an_enclave_that_grows()
    {
        // A page of its code and data before; EACCEPT first, then access first, then a page that was written out.
        Fault(1, "read", "mapped");
        Fault(10, "read", "EAUG");
        Tell(TraceKinds.Enclu, "EACCEPT", 10, "0");
        Fault(2, "write", "mapped");
        Fault(12, "write", "EAUG");
        Tell(TraceKinds.Exit, "AEX", 12, null, "#PF");
        Tell(TraceKinds.Enclu, "EACCEPT", 12, "0");
        Fault(10, "read", "ELDU");
        (IReadOnlyList<int> pages, string what) = _uses.Of(1);
        Assert.Equal([0, 2, 0], pages);
        Assert.Contains("what enclave 1 of the trace did: the pages that were added to it at run time", what, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_an_enclave_that_does_not_grow_all_pages_are_and_code_is_not()
    {
        Fault(5, "read", "mapped");
        Fault(3, "execute", "mapped");
        Fault(6, "write", "mapped");
        Fault(5, "read", "mapped");
        Assert.Equal([0, 1, 0], _uses.Of(1).Pages);
    }

    [Fact]
    public void A_long_gap_is_closed_and_a_short_one_is_not()
    {
        Fault(0, "read", "mapped");
        Fault(10, "read", "mapped");
        Fault(1_000_000, "read", "mapped");
        Assert.Equal([0, 10, 11], _uses.Of(1).Pages);
    }

    [Fact]
    public void Enclaves_come_in_the_order_of_use_and_one_that_used_nothing_does_not()
    {
        Fault(0, "read", "mapped", enclave: 3);
        Fault(0, "read", "mapped", enclave: 2);
        Fault(1, "read", "mapped", enclave: 2);
        Fault(0, "execute", "mapped", enclave: 4);
        Tell(TraceKinds.Enclu, "EENTER", 5, "0");
        Assert.Equal([2UL, 3UL], _uses.Enclaves);
        Assert.Empty(_uses.Of(4).Pages);
        Assert.Empty(_uses.Of(99).Pages);
    }

    [Fact]
    public void What_is_beyond_the_most_is_left_out_and_that_is_said()
    {
        for (int i = 0; i <= TracedUses.MostUses; i++)
        {
            Fault((ulong)(i & 1), "read", "mapped");
        }

        (IReadOnlyList<int> pages, string what) = _uses.Of(1);
        Assert.Equal(TracedUses.MostUses, pages.Count);
        Assert.EndsWith("the first 1000000", what, StringComparison.Ordinal);
    }

    private void Fault(ulong page, string access, string outcome, ulong enclave = 1) =>
        Tell(TraceKinds.Fault, "page fault", page, outcome, access, enclave);

    private void Tell(TraceKinds kind, string name, ulong page, string? outcome, string? detail = null, ulong enclave = 1) =>
        _uses.Take(new TraceEvent
        {
            Kind = kind,
            Name = name,
            Time = 1,
            Enclave = enclave,
            Address = Base + (page * 4096) + 8,
            Outcome = outcome,
            Detail = detail,
        });
}
