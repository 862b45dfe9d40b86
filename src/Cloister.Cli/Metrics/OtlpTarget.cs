using System.Globalization;

namespace Cloister.Cli.Metrics;

/// <summary>Where metrics are sent by OpenTelemetry's protocol, and how often.</summary>
/// <remarks>
/// The variables are those of OpenTelemetry's specification, "OpenTelemetry Protocol Exporter" and "Environment Variable Specification".
/// They alone have nothing sent: the program may have them for its own sake.
/// </remarks>
/// <param name="Endpoint">The address.</param>
/// <param name="Headers">What is said in each request.</param>
/// <param name="Resource">Attributes of what sends.</param>
/// <param name="Interval">How often.</param>
/// <param name="Patience">How long an answer may take.</param>
internal sealed record OtlpTarget(Uri Endpoint, IReadOnlyList<(string Name, string Value)> Headers,
    IReadOnlyList<(string Name, string Value)> Resource, TimeSpan Interval, TimeSpan Patience)
{
    /// <summary>What stands before the address, or alone.</summary>
    public const string Word = "otlp";

    private const string Base = "OTEL_EXPORTER_OTLP_", Exact = "OTEL_EXPORTER_OTLP_METRICS_";
    private const string Path = "/v1/metrics", Protocol = "http/protobuf";
    private const int DefaultInterval = 60_000, DefaultPatience = 10_000;

    /// <summary>Whether a text asks for it.</summary>
    public static bool IsMeant(string text) => text == Word || text.StartsWith(Word + "=", StringComparison.Ordinal);

    /// <summary>Reads <c>otlp</c> or <c>otlp=URL</c>, and the variables.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="variable">The value of a variable; null for none.</param>
    /// <param name="problem">What is wrong, or null.</param>
    public static OtlpTarget? Parse(string text, Func<string, string?> variable, out string? problem)
    {
        string? Of(string name) => variable(Exact + name) is { Length: > 0 } exact ? exact
            : variable(Base + name) is { Length: > 0 } any ? any : null;
        if (text == Word && Of("PROTOCOL") is { } protocol && protocol != Protocol)
        {
            problem = $"{Base}PROTOCOL is {protocol}: {Protocol} alone is spoken here";
            return null;
        }

        string? own = variable(Exact + "ENDPOINT") is { Length: > 0 } exact ? exact : null;
        string address = text == Word ? own ?? variable(Base + "ENDPOINT") ?? "" : text[(Word.Length + 1)..];
        address = text == Word && address.Length == 0 ? "http://localhost:4318" : address;
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
        {
            problem = $"{address}: no address of HTTP; write http://HOST:PORT or https://HOST";
            return null;
        }

        if (own != address && !uri.AbsolutePath.EndsWith(Path, StringComparison.Ordinal))
        {
            uri = new UriBuilder(uri) { Path = uri.AbsolutePath.TrimEnd('/') + Path }.Uri;
        }

        List<(string, string)> resource = Pairs(variable("OTEL_RESOURCE_ATTRIBUTES"));
        if (variable("OTEL_SERVICE_NAME") is { Length: > 0 } service)
        {
            resource = [.. resource.Where(one => one.Item1 != "service.name"), ("service.name", service)];
        }

        problem = null;
        return new OtlpTarget(uri, Pairs(Of("HEADERS")), resource, Milliseconds(variable("OTEL_METRIC_EXPORT_INTERVAL"), DefaultInterval),
            Milliseconds(Of("TIMEOUT"), DefaultPatience));
    }

    // What is no number is as if it was not there.
    private static TimeSpan Milliseconds(string? text, int otherwise) => TimeSpan.FromMilliseconds(
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number : otherwise);

    // As W3C Baggage: NAME=VALUE with commas between, and percent signs.
    private static List<(string, string)> Pairs(string? text)
    {
        List<(string, string)> pairs = [];
        foreach (string part in (text ?? "").Split(','))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && part[..equals].Trim() is { Length: > 0 } name)
            {
                pairs.Add((name, Uri.UnescapeDataString(part[(equals + 1)..].Trim())));
            }
        }

        return pairs;
    }
}
