using Cloister.Cli.Metrics;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Where metrics are sent, by option and variables.</summary>
public class OtlpTargetTests
{
    private readonly Dictionary<string, string> _variables = [];

    private OtlpTarget? Parse(string text, out string? problem) => OtlpTarget.Parse(text, _variables.GetValueOrDefault, out problem);

    [Theory]
    [InlineData("otlp", "", "", "http://localhost:4318/v1/metrics")]
    [InlineData("otlp", "http://a:1", "", "http://a:1/v1/metrics")]
    [InlineData("otlp", "https://a/b/", "", "https://a/b/v1/metrics")]
    [InlineData("otlp", "http://a:1", "http://c/d", "http://c/d")]
    [InlineData("otlp=http://x:5", "http://a:1", "http://c/d", "http://x:5/v1/metrics")]
    [InlineData("otlp=http://x:5/v1/metrics", "", "", "http://x:5/v1/metrics")]
    public void The_address_is_the_options_or_the_variables(string text, string any, string exact, string expected)
    {
        (_variables["OTEL_EXPORTER_OTLP_ENDPOINT"], _variables["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]) = (any, exact);
        Assert.Equal(expected, Parse(text, out string? problem)?.Endpoint.AbsoluteUri);
        Assert.Null(problem);
    }

    [Theory]
    [InlineData("otlp=")]
    [InlineData("otlp=localhost:4318")]
    [InlineData("otlp=ftp://a")]
    [InlineData("otlp=http://")]
    [InlineData("otlp=/v1/metrics")]
    public void What_is_no_address_is_told(string text)
    {
        Assert.Null(Parse(text, out string? problem));
        Assert.EndsWith("no address of HTTP; write http://HOST:PORT or https://HOST", problem);
    }

    [Fact]
    public void A_protocol_that_is_not_spoken_is_told()
    {
        _variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
        Assert.Null(Parse("otlp", out string? problem));
        Assert.Equal("OTEL_EXPORTER_OTLP_PROTOCOL is grpc: http/protobuf alone is spoken here", problem);
        Assert.NotNull(Parse("otlp=http://a:1", out _));
        _variables["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"] = "http/protobuf";
        Assert.NotNull(Parse("otlp", out _));
    }

    [Fact]
    public void Headers_attributes_and_times_are_the_variables()
    {
        OtlpTarget none = Parse("otlp", out _)!;
        Assert.Equal((60, 10), ((int)none.Interval.TotalSeconds, (int)none.Patience.TotalSeconds));
        Assert.Empty(none.Headers.Concat(none.Resource));
        _variables["OTEL_EXPORTER_OTLP_HEADERS"] = "api-key=a%20b=c, x = y,,=z,w";
        _variables["OTEL_RESOURCE_ATTRIBUTES"] = "service.name=one,deployment.environment=test";
        _variables["OTEL_SERVICE_NAME"] = "two";
        _variables["OTEL_METRIC_EXPORT_INTERVAL"] = "500";
        _variables["OTEL_EXPORTER_OTLP_TIMEOUT"] = "soon";
        OtlpTarget target = Parse("otlp", out _)!;
        Assert.Equal([("api-key", "a b=c"), ("x", "y")], target.Headers);
        Assert.Equal([("deployment.environment", "test"), ("service.name", "two")], target.Resource);
        Assert.Equal((500, 10), ((int)target.Interval.TotalMilliseconds, (int)target.Patience.TotalSeconds));
    }

    [Theory]
    [InlineData("otlp", true)]
    [InlineData("otlp=http://a", true)]
    [InlineData("otlp:9464", false)]
    [InlineData("9464", false)]
    public void It_is_asked_for_by_its_name(string text, bool isMeant) => Assert.Equal(isMeant, OtlpTarget.IsMeant(text));
}
