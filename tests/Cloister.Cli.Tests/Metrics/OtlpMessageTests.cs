using Cloister.Cli.Metrics;
using Cloister.Cli.Tests.Metrics.Otlp;
using Metric = Cloister.Cli.Metrics.Metric;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>OpenTelemetry's protocol, read by another's Protocol Buffers.</summary>
public class OtlpMessageTests
{
    private static readonly Metric s_gauge = new("sgx.things", MetricKind.Gauge, "By", "Things", "sgx.kind", "sgx.name");
    private static readonly Metric s_counter = new("sgx.events", MetricKind.Counter, "{event}", "Events");
    private static readonly Metric s_times = new("sgx.times", MetricKind.Histogram, "s", "Times", "sgx.kind");
    private readonly DateTimeOffset _began = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private ResourceMetrics Read(Action<OtlpMessage> write, params (string, string)[] resource)
    {
        var message = new OtlpMessage(_began, _began.AddSeconds(2), resource);
        write(message);
        return Assert.Single(ExportMetricsServiceRequest.Parser.ParseFrom(message.Written()).ResourceMetrics);
    }

    [Fact]
    public void Values_of_a_metric_stand_in_one()
    {
        ScopeMetrics scope = Assert.Single(Read(message =>
        {
            message.Add(s_gauge, 4096, "a", "");
            message.Add(s_gauge, 0.5, "c", "ä");
            message.Add(s_counter, 7);
        }).ScopeMetrics);
        Assert.Equal("cloister", scope.Scope.Name);
        Assert.Equal(2, scope.Metrics.Count);
        OneMetric gauge = scope.Metrics[0], counter = scope.Metrics[1];
        Assert.Equal(("sgx.things", "Things", "By"), (gauge.Name, gauge.Description, gauge.Unit));
        Assert.Equal([4096, 0.5], gauge.Gauge.DataPoints.Select(point => point.AsDouble));
        Assert.Equal(["sgx.kind=a", "sgx.kind=c sgx.name=ä"], gauge.Gauge.DataPoints.Select(point =>
            string.Join(' ', point.Attributes.Select(one => $"{one.Key}={one.Value.StringValue}"))));
        Assert.Equal(OneMetric.DataOneofCase.Sum, counter.DataCase);
        Assert.True(counter.Sum.IsMonotonic);
        Assert.Equal(AggregationTemporality.Cumulative, counter.Sum.AggregationTemporality);
        NumberDataPoint seven = Assert.Single(counter.Sum.DataPoints);
        Assert.Equal((7, 1767323045_000000000UL, 1767323047_000000000UL), (seven.AsDouble, seven.StartTimeUnixNano, seven.TimeUnixNano));
    }

    [Fact]
    public void A_histogram_has_how_many_were_between_its_bounds()
    {
        Histogram histogram = Assert.Single(Assert.Single(Read(message =>
            message.Add(s_times, [(0.1, 3), (1, 3), (10, 9)], 11, 42.5, "k")).ScopeMetrics).Metrics).Histogram;
        HistogramDataPoint point = Assert.Single(histogram.DataPoints);
        Assert.Equal(AggregationTemporality.Cumulative, histogram.AggregationTemporality);
        Assert.Equal((11UL, 42.5), (point.Count, point.Sum));
        Assert.Equal([3UL, 0, 6, 2], point.BucketCounts);
        Assert.Equal([0.1, 1, 10], point.ExplicitBounds);
        Assert.Equal("k", Assert.Single(point.Attributes).Value.StringValue);
    }

    [Fact]
    public void What_runs_is_the_resource_and_no_value()
    {
        ResourceMetrics read = Read(
            message => message.Add(MetricTable.Target, 1, "cloister", "1.2", "7", "fast", "strict", "v6.0"),
            ("service.name", "mine"), ("deployment.environment", "test"));
        Assert.Equal("1.2", Assert.Single(read.ScopeMetrics).Scope.Version);
        Assert.Empty(read.ScopeMetrics[0].Metrics);
        var attributes = read.Resource.Attributes.ToLookup(one => one.Key, one => one.Value.StringValue);
        Assert.Equal("mine", Assert.Single(attributes["service.name"]));
        Assert.Equal("fast", Assert.Single(attributes["cloister.engine"]));
        Assert.Equal("test", Assert.Single(attributes["deployment.environment"]));
    }
}
