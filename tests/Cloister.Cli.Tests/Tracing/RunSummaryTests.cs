using Cloister.Cli.Tracing;
using Cloister.Lab;
using Cloister.Lab.Costs;

namespace Cloister.Cli.Tests.Tracing;

/// <summary>A run, summed up.</summary>
public class RunSummaryTests
{
    private readonly RunSummary _summary = new();

    [Fact]
    public void Percentiles_are_right_to_an_eighth()
    {
        var latencies = new Latencies();
        for (int i = 1; i <= 10_000; i++)
        {
            latencies.Add(i * 100);
        }

        Assert.Equal((10_000, 5_000_500_000L), (latencies.Count, latencies.Total));
        Assert.All(new[] { 0.5, 0.95, 0.99, 1.0 },
            part => Assert.InRange(latencies.Percentile(part), part * 1_000_000 * 7 / 8, part * 1_000_000 * 9 / 8));
        Assert.Equal(0, new Latencies().Percentile(0.5));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(long.MaxValue)]
    public void Any_length_has_its_place(long length)
    {
        var latencies = new Latencies();
        latencies.Add(length);
        Assert.InRange(latencies.Percentile(0.5), (long)(length * 0.87), length < long.MaxValue ? (long)(length * 1.13) : length);
    }

    [Fact]
    public void What_came_in_without_a_stop_is_the_only_enclaves()
    {
        Take(TraceKinds.Encls, "ECREATE", enclave: 1);
        Take(TraceKinds.Fast, "EENTER", count: 5);
        Take(TraceKinds.Encls, "EREMOVE", enclave: 1);
        Take(TraceKinds.Encls, "ECREATE", enclave: 2);
        Take(TraceKinds.Fast, "EENTER", count: 7);
        Assert.Equal([(1UL, 5L, false), (2UL, 7L, false)],
            _summary.Enclaves.Select(one => (one.Enclave, one.Counts.FastEntries, one.IsPartial)));
    }

    [Fact]
    public void After_a_loss_of_power_no_enclave_has_pages()
    {
        Take(TraceKinds.Encls, "ECREATE", enclave: 1);
        Take(TraceKinds.Encls, "EADD", enclave: 1);
        Take(TraceKinds.Power, "power loss");
        Assert.Equal((0L, 2L), (_summary.Enclaves.Single().Pages, _summary.Enclaves.Single().PeakPages));
        Assert.Empty(_summary.Threads);
    }

    [Fact]
    public void Of_two_that_live_nobody_knows_which()
    {
        Take(TraceKinds.Encls, "ECREATE", enclave: 1);
        Take(TraceKinds.Encls, "ECREATE", enclave: 2);
        Take(TraceKinds.Fast, "EENTER", count: 5);
        Take(TraceKinds.Enclu, "EENTER", enclave: 2);
        Assert.Equal([(0L, 0L, true), (1L, 0L, true)],
            _summary.Enclaves.Select(one => (one.Counts.Entries, one.Counts.FastEntries, one.IsPartial)));
        Assert.Equal((1, 5), (_summary.Threads.Single().Counts.Entries, _summary.Threads.Single().Counts.FastEntries));
    }

    [Fact]
    public void Pages_in_the_EPC_are_counted_now_and_at_peak()
    {
        foreach (string leaf in (string[])["ECREATE", "EADD", "EADD", "EAUG", "EWB", "EWB", "ELDU", "EREMOVE"])
        {
            Take(TraceKinds.Encls, leaf, enclave: 3, address: 0x1000);
        }

        Take(TraceKinds.Encls, "EADD", enclave: 3, outcome: "#PF");
        EnclaveSummary one = _summary.Enclaves.Single();
        Assert.Equal((2, 4, 2, 1, 2, 1), (one.Pages, one.PeakPages, one.Added, one.Augmented, one.Evicted, one.Loaded));
    }

    [Fact]
    public void What_took_time_comes_first()
    {
        Take(TraceKinds.Ioctl, "SGX_IOC_ENCLAVE_CREATE", duration: 10);
        Take(TraceKinds.Ioctl, "SGX_IOC_ENCLAVE_INIT", duration: 1000, outcome: "-EPERM");
        Take(TraceKinds.Exit, "AEX", enclave: 1, duration: 50, detail: "#PF");
        Assert.Equal([("SGX_IOC_ENCLAVE_INIT", 1), ("inside, from entry to exit", 0), ("SGX_IOC_ENCLAVE_CREATE", 0)],
            _summary.Calls.Select(call => (call.Name, (int)call.Errors)));
        Assert.Contains("AEX 1 (#PF 1)", _summary.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_thread_has_its_own_times()
    {
        Take(TraceKinds.Fault, "page fault", enclave: 1, duration: 1000, outcome: "SIGBUS (injected)");
        Take(TraceKinds.Fault, "page fault", enclave: 1, duration: 3000, outcome: "ELDU");
        Take(TraceKinds.Ioctl, "SGX_IOC_ENCLAVE_INIT", duration: 70_000, outcome: "-EPERM");
        Take(TraceKinds.Exit, "AEX", enclave: 1, duration: 50, detail: "#PF");
        Take(TraceKinds.Enclu, "EEXIT", enclave: 1, duration: 90);
        Take(TraceKinds.Enclu, "EENTER", enclave: 1, thread: 9);
        Take(TraceKinds.Fault, "page fault", enclave: 1, duration: 5, thread: 0);
        Assert.Equal([8, 9], _summary.Threads.Select(one => one.Thread));
        Assert.Equal([("inside, from entry to exit", 2, 0, 90), ("ioctls", 1, 1, 70_000), ("page faults", 2, 1, 3000)],
            _summary.Threads.First().Calls.Select(call => (call.Name, (int)call.Count, (int)call.Errors, (int)call.Maximum)));
        Assert.Empty(_summary.Threads.Last().Calls);
        Assert.Equal(1, _summary.Calls.Single(call => call.Name == "page fault, not resolved").Errors);
        Assert.Matches(@"thread 8 of 7: .*\n  2 inside, from entry to exit: median .* us, 95 % .*, 99 % .*, longest 0\.1\n", _summary.Text());
    }

    [Fact]
    public void What_it_would_have_cost_is_counts_times_published_figures()
    {
        Take(TraceKinds.Encls, "ECREATE", enclave: 1);
        Take(TraceKinds.Encls, "EADD", enclave: 1, count: 10);
        Take(TraceKinds.Encls, "EEXTEND", enclave: 1, count: 160);
        Take(TraceKinds.Encls, "EINIT", enclave: 1, outcome: "SGX_INVALID_MEASUREMENT");
        Take(TraceKinds.Encls, "EAUG", enclave: 1, count: 3);
        Take(TraceKinds.Paging, "EWB", enclave: 1, address: 0x1000);
        Take(TraceKinds.Fast, "EENTER", count: 1000);
        Take(TraceKinds.Enclu, "EENTER", enclave: 1);
        Take(TraceKinds.Enclu, "EEXIT", enclave: 1);
        Take(TraceKinds.Exit, "AEX", enclave: 1, detail: "interrupt");
        HardwareCost cost = _summary.Hardware;
        CostTable table = CostTable.Default;
        Cost added = table[MachineEvent.Eadd]!, entered = table[MachineEvent.Eenter]!, left = table[MachineEvent.Eexit]!;
        Assert.Equal([("EENTER", 1001), ("EADD", 10), ("EEXIT", 1)], cost.Causes.Select(cause => (cause.Event, (int)cause.Count)));
        Assert.Equal((1001 * entered.Low!.Value) + (10 * added.Low!.Value) + left.Low!.Value, cost.Low);
        Assert.Equal((1001 * entered.High!.Value) + (10 * added.High!.Value) + left.High!.Value, cost.High);
        Assert.Equal(["AEX (other)", "EAUG", "EWB"], cost.WithoutCost.Keys);
        Assert.All(cost.Causes, cause => Assert.NotEmpty(cause.Source));
        Assert.Contains("an estimate", _summary.Text(), StringComparison.Ordinal);
        Assert.Contains("not in it, for no figure was published: 1 AEX (other), 3 EAUG, 1 EWB", _summary.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_without_enclaves_has_no_tables() => Assert.Equal("", _summary.Text());

    private void Take(TraceKinds kind, string name, ulong enclave = 0, long count = 1, long duration = -1, string? outcome = "0",
        ulong address = 0, string? detail = null, int thread = 8) =>
        _summary.Take(new TraceEvent
        {
            Kind = kind,
            Name = name,
            Time = 1,
            Duration = duration,
            Process = 7,
            Thread = thread,
            Enclave = enclave,
            Count = count,
            Outcome = outcome,
            Address = address,
            Detail = detail,
        });
}
