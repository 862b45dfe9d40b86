namespace Cloister.Cli.Metrics;

/// <summary>Takes values of metrics, and makes of them what somebody reads.</summary>
internal interface IMetricSink
{
    /// <summary>A value. Those of a metric come one behind the other.</summary>
    /// <param name="metric">Of what.</param>
    /// <param name="value">The value.</param>
    /// <param name="attributes">The values of its attributes, in their order.</param>
    void Add(Metric metric, double value, params ReadOnlySpan<string> attributes);

    /// <summary>A histogram: how many were no larger than each bound, all of them, and their sum.</summary>
    void Add(Metric metric, IEnumerable<(double Bound, long Count)> upTo, long count, double sum, params ReadOnlySpan<string> attributes);
}
