namespace Cloister.Cli.Metrics;

/// <summary>Something that is measured of a run. docs/reference/metrics.md is made from the table.</summary>
/// <param name="Name">Its name after OpenTelemetry's semantic conventions.</param>
/// <param name="Kind">What becomes of it.</param>
/// <param name="Unit">In UCUM: By, s, {page}.</param>
/// <param name="Description">In a sentence, without its end.</param>
/// <param name="Attributes">What tells the values apart.</param>
internal sealed record Metric(string Name, MetricKind Kind, string Unit, string Description, params string[] Attributes)
{
    /// <summary>Its name for Prometheus: OpenTelemetry, "Prometheus and OpenMetrics Compatibility".</summary>
    public string PrometheusName => Name.Replace('.', '_') + Unit switch { "By" => "_bytes", "s" => "_seconds", _ => "" }
        + (Kind == MetricKind.Counter ? "_total" : "");

    /// <summary>Its type for Prometheus.</summary>
    public string PrometheusType => Kind switch { MetricKind.Counter => "counter", MetricKind.Histogram => "histogram", _ => "gauge" };
}
