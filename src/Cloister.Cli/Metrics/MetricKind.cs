namespace Cloister.Cli.Metrics;

/// <summary>What becomes of a measured value.</summary>
internal enum MetricKind
{
    /// <summary>It is what it is at the moment: an UpDownCounter or a Gauge.</summary>
    Gauge,

    /// <summary>It only grows.</summary>
    Counter,

    /// <summary>Many values, by how large they are.</summary>
    Histogram,
}
