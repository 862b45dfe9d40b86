using Cloister.Cli.Profiling;

namespace Cloister.Cli.Metrics;

/// <summary>
/// Values as OpenTelemetry's protocol has them: an ExportMetricsServiceRequest. opentelemetry-proto 1,
/// opentelemetry/proto/collector/metrics/v1/metrics_service.proto, metrics/v1/metrics.proto, common/v1/common.proto.
/// </summary>
/// <param name="began">When the run began: counters count from there.</param>
/// <param name="now">When the values are read.</param>
/// <param name="resource">Attributes of the resource, beside those of <see cref="MetricTable.Target"/>; they win.</param>
internal sealed class OtlpMessage(DateTimeOffset began, DateTimeOffset now, IReadOnlyList<(string Name, string Value)> resource)
    : IMetricSink
{
    private const string Scope = "cloister";
    private const ulong Cumulative = 2; // AGGREGATION_TEMPORALITY_CUMULATIVE
    private readonly List<(Metric Metric, List<ProtobufWriter> Points)> _metrics = [];
    private readonly List<(string Name, string Value)> _resource = [];
    private string _version = "";

    /// <inheritdoc/>
    public void Add(Metric metric, double value, params ReadOnlySpan<string> attributes)
    {
        if (metric == MetricTable.Target)
        {
            // It is what the resource is, and no value of it.
            for (int i = 0; i < attributes.Length; i++)
            {
                string name = metric.Attributes[i];
                _version = name == "service.version" ? attributes[i] : _version;
                if (!resource.Any(one => one.Name == name))
                {
                    _resource.Add((name, attributes[i]));
                }
            }

            return;
        }

        const int asDouble = 4, ofAttributes = 7;
        ProtobufWriter point = Point().Double(asDouble, value);
        Attributes(point, ofAttributes, metric, attributes);
        PointsOf(metric).Add(point);
    }

    /// <inheritdoc/>
    public void Add(Metric metric, IEnumerable<(double Bound, long Count)> upTo, long count, double sum,
        params ReadOnlySpan<string> attributes)
    {
        const int ofCount = 4, ofSum = 5, bucketCounts = 6, explicitBounds = 7, ofAttributes = 9;
        List<ulong> buckets = [];
        List<ulong> bounds = [];
        long below = 0;
        foreach ((double bound, long all) in upTo)
        {
            buckets.Add((ulong)(all - below));
            bounds.Add(BitConverter.DoubleToUInt64Bits(bound));
            below = all;
        }

        buckets.Add((ulong)(count - below));
        ProtobufWriter point = Point().Fixed64(ofCount, (ulong)count).Double(ofSum, sum).Packed(bucketCounts, buckets)
            .Packed(explicitBounds, bounds);
        Attributes(point, ofAttributes, metric, attributes);
        PointsOf(metric).Add(point);
    }

    /// <summary>The message.</summary>
    public byte[] Written()
    {
        const int metrics = 2;
        var about = new ProtobufWriter();
        foreach ((string name, string value) in _resource.Concat(resource))
        {
            _ = about.Message(1, Attribute(name, value));
        }

        ProtobufWriter scope = new ProtobufWriter().Message(1, new ProtobufWriter().Text(1, Scope).Text(2, _version));
        foreach ((Metric metric, List<ProtobufWriter> points) in _metrics)
        {
            _ = scope.Message(metrics, Written(metric, points));
        }

        ProtobufWriter ofResource = new ProtobufWriter().Message(1, about).Message(2, scope);
        return new ProtobufWriter().Message(1, ofResource).Written;
    }

    private static ProtobufWriter Written(Metric metric, List<ProtobufWriter> points)
    {
        const int gauge = 5, sum = 7, histogram = 9, temporality = 2, isMonotonic = 3;
        var data = new ProtobufWriter();
        foreach (ProtobufWriter point in points)
        {
            _ = data.Message(1, point);
        }

        if (metric.Kind != MetricKind.Gauge)
        {
            _ = data.Number(temporality, Cumulative);
        }

        if (metric.Kind == MetricKind.Counter)
        {
            _ = data.Number(isMonotonic, 1);
        }

        return new ProtobufWriter().Text(1, metric.Name).Text(2, metric.Description).Text(3, metric.Unit).Message(
            metric.Kind switch { MetricKind.Counter => sum, MetricKind.Histogram => histogram, _ => gauge }, data);
    }

    // The beginning of a NumberDataPoint and of a HistogramDataPoint.
    private ProtobufWriter Point() => new ProtobufWriter().Fixed64(2, Nanoseconds(began)).Fixed64(3, Nanoseconds(now));

    private List<ProtobufWriter> PointsOf(Metric metric)
    {
        if (_metrics.Count == 0 || _metrics[^1].Metric != metric)
        {
            _metrics.Add((metric, []));
        }

        return _metrics[^1].Points;
    }

    private static void Attributes(ProtobufWriter point, int field, Metric metric, ReadOnlySpan<string> attributes)
    {
        for (int i = 0; i < attributes.Length; i++)
        {
            if (attributes[i].Length > 0)
            {
                _ = point.Message(field, Attribute(metric.Attributes[i], attributes[i]));
            }
        }
    }

    // KeyValue, and AnyValue.string_value.
    private static ProtobufWriter Attribute(string name, string value) =>
        new ProtobufWriter().Text(1, name).Message(2, new ProtobufWriter().Text(1, value));

    private static ulong Nanoseconds(DateTimeOffset time) => (ulong)(time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
