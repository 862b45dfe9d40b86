using Cloister.Cli.Metrics;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Prometheus' text-based exposition format, 0.0.4.</summary>
public class MetricsTextTests
{
    private static readonly Metric s_gauge = new("sgx.things", MetricKind.Gauge, "By", "Things", "sgx.kind", "sgx.name");
    private static readonly Metric s_times = new("sgx.times", MetricKind.Histogram, "s", "Times");

    [Fact]
    public void Values_of_a_metric_follow_what_it_is()
    {
        var text = new MetricsText();
        text.Add(s_gauge, 4096, "a", "b");
        text.Add(s_gauge, 0.5, "c", "d");
        Assert.Equal(
            "# HELP sgx_things_bytes Things\n# TYPE sgx_things_bytes gauge\nsgx_things_bytes{sgx_kind=\"a\",sgx_name=\"b\"} 4096\nsgx_things_bytes{sgx_kind=\"c\",sgx_name=\"d\"} 0.5\n",
            $"{text}");
    }

    [Fact]
    public void What_would_end_a_label_is_escaped()
    {
        var text = new MetricsText();
        text.Add(s_gauge, 1, "\"\\\n", "#{}");
        Assert.EndsWith("{sgx_kind=\"\\\"\\\\\\n\",sgx_name=\"#{}\"} 1\n", $"{text}");
    }

    [Fact]
    public void A_histogram_ends_in_all()
    {
        var text = new MetricsText();
        text.Add(s_times, [(0.001, 2), (1, 3)], 4, 7.25);
        Assert.EndsWith(
            "# TYPE sgx_times_seconds histogram\nsgx_times_seconds_bucket{le=\"0.001\"} 2\nsgx_times_seconds_bucket{le=\"1\"} 3\nsgx_times_seconds_bucket{le=\"+Inf\"} 4\nsgx_times_seconds_sum 7.25\nsgx_times_seconds_count 4\n",
            $"{text}");
    }

    [Fact]
    public void Names_are_legal_and_of_one_metric()
    {
        Assert.All(MetricTable.All, metric => Assert.Matches("^[a-z][a-z_]*[a-z]$", metric.PrometheusName));
        Assert.Equal(MetricTable.All.Count, MetricTable.All.Select(metric => metric.PrometheusName).Distinct().Count());
        Assert.All(MetricTable.All, metric => Assert.Equal(metric.Attributes.Length, metric.Attributes.Distinct().Count()));
    }

    [Fact]
    public void Latencies_below_a_power_of_two_are_exact()
    {
        var times = new Latencies();
        var random = new Random(9);
        long[] all = [.. Enumerable.Range(0, 1000).Select(_ => random.NextInt64(1L << random.Next(1, 40))), 1023, 1024, 1025];
        Array.ForEach(all, times.Add);
        Assert.All(Enumerable.Range(0, 40), bits => Assert.Equal(all.Count(one => one < 1L << bits), times.CountBelow(bits)));
    }
}
