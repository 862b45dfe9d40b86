using System.Globalization;
using System.Text;

namespace Cloister.Cli.Metrics;

/// <summary>Writes values in Prometheus' text-based exposition format, 0.0.4.</summary>
internal sealed class MetricsText : IMetricSink
{
    private readonly StringBuilder _text = new();
    private readonly HashSet<Metric> _begun = [];

    /// <summary>What a HTTP server says of it.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <inheritdoc/>
    public void Add(Metric metric, double value, params ReadOnlySpan<string> attributes)
    {
        Begin(metric);
        Line(metric, "", value, null, attributes);
    }

    /// <inheritdoc/>
    public void Add(Metric metric, IEnumerable<(double Bound, long Count)> upTo, long count, double sum,
        params ReadOnlySpan<string> attributes)
    {
        Begin(metric);
        foreach ((double bound, long below) in upTo)
        {
            Line(metric, "_bucket", below, bound, attributes);
        }

        Line(metric, "_bucket", count, double.PositiveInfinity, attributes);
        Line(metric, "_sum", sum, null, attributes);
        Line(metric, "_count", count, null, attributes);
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    private void Begin(Metric metric)
    {
        if (_begun.Add(metric))
        {
            _text.Append(CultureInfo.InvariantCulture,
                $"# HELP {metric.PrometheusName} {metric.Description}\n# TYPE {metric.PrometheusName} {metric.PrometheusType}\n");
        }
    }

    private void Line(Metric metric, string suffix, double value, double? bound, ReadOnlySpan<string> attributes)
    {
        _text.Append(metric.PrometheusName).Append(suffix);
        char before = '{';
        for (int i = 0; i < attributes.Length; i++, before = ',')
        {
            _text.Append(before).Append(metric.Attributes[i].Replace('.', '_')).Append("=\"").Append(Escaped(attributes[i])).Append('"');
        }

        if (bound is { } limit)
        {
            _text.Append(before).Append("le=\"").Append(Number(limit)).Append('"');
            before = ',';
        }

        _text.Append(before == ',' ? "} " : " ").Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Escaped(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
