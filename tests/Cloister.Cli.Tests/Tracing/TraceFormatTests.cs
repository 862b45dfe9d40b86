using System.Text;
using System.Text.Json;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Tests.Tracing;

/// <summary>The formats of traces, read by others' readers.</summary>
public class TraceFormatTests
{
    private static readonly TraceHeader s_header = new("1.2", ["./app", "say \"ä\n\""], "fast", "strict", "v6.0", 1024,
        new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    private static readonly TraceEvent s_ioctl = new()
    {
        Kind = TraceKinds.Ioctl,
        Name = "SGX_IOC_ENCLAVE_INIT",
        Time = 3_000_001_500,
        Duration = 1_000_000_500,
        Process = 7,
        Thread = 8,
        Enclave = 2,
        Address = 0x7f00,
        Outcome = "-EPERM",
        Count = 1,
    };

    private static readonly TraceEvent s_exit = new()
    {
        Kind = TraceKinds.Exit,
        Name = "AEX",
        Time = 5_000,
        Duration = 2_000,
        Process = 7,
        Thread = 8,
        Enclave = 2,
        Address = 0x1000,
        Detail = "#PF",
        Count = 1,
    };

    private static readonly TraceEvent s_fast = new()
    {
        Kind = TraceKinds.Fast,
        Name = "EENTER",
        Time = 9,
        Duration = -1,
        Process = 7,
        Thread = 8,
        Count = 12,
        Earlier = true,
    };

    private static readonly TraceEvent s_exec = new()
    {
        Kind = TraceKinds.Process,
        Name = "exec",
        Time = 1,
        Duration = -1,
        Process = 7,
        Thread = 7,
        Detail = "/a \"b\"\\\u0001ü",
        Count = 1,
    };

    private static readonly TraceEvent s_paging = new()
    {
        Kind = TraceKinds.Paging,
        Name = "EWB",
        Time = 1,
        Duration = -1,
        Enclave = 2,
        Address = 0x2000,
        Outcome = "SGX_NOT_TRACKED",
        Count = 1,
    };

    private static readonly TraceEvent s_added = new()
    {
        Kind = TraceKinds.Encls,
        Name = "EAUG",
        Time = 2,
        Duration = -1,
        Process = 7,
        Thread = 8,
        Enclave = 2,
        Address = 0x3000,
        Outcome = "0",
        Page = "PT_REG rw- PENDING",
        Count = 1,
    };

    private static readonly TraceEvent s_created = s_added with
    {
        Name = "ECREATE",
        Address = 0x10000,
        Length = 0x10000,
        Page = "PT_SECS ---",
    };

    public static TheoryData<string> Expected => new(
        "8  2.000001000  ioctl(SGX_IOC_ENCLAVE_INIT, 0x7f00) = -EPERM  enclave 2  <1.000000500>",
        "8  0.000005000  --- AEX #PF 0x1000 ---  enclave 2  inside <0.000002000>",
        "8  0.000000009  ... 12 EENTER without a stop, since the machine looked last ...  earlier",
        "driver  0.000000001  EWB(0x2000) = SGX_NOT_TRACKED  enclave 2",
        "8  0.000000002  EAUG(0x3000) = 0  PT_REG rw- PENDING  enclave 2",
        "8  0.000000002  ECREATE(0x10000, 0x10000) = 0  PT_SECS ---  enclave 2");

    [Theory]
    [MemberData(nameof(Expected))]
    public void Text_is_a_line_for_each_event(string expected) => Assert.Contains(expected, Write(new TextTrace()).Split('\n'));

    [Fact]
    public void Json_lines_are_an_object_each()
    {
        JsonElement[] lines = [.. Write(new JsonLinesTrace()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal("begin", lines[0].GetProperty("event").GetString());
        Assert.Equal("say \"ä\n\"", lines[0].GetProperty("program")[1].GetString());
        Assert.Equal("ioctl", lines[1].GetProperty("event").GetString());
        Assert.Equal(3_000_001_500, lines[1].GetProperty("time").GetInt64());
        Assert.Equal(1_000_000_500, lines[1].GetProperty("duration").GetInt64());
        Assert.Equal("-EPERM", lines[1].GetProperty("outcome").GetString());
        Assert.Equal("0x7f00", lines[1].GetProperty("address").GetString());
        Assert.Equal(2, lines[2].GetProperty("enclave").GetInt32());
        Assert.Equal(12, lines[3].GetProperty("count").GetInt64());
        Assert.True(lines[3].GetProperty("earlier").GetBoolean());
        Assert.False(lines[3].TryGetProperty("duration", out _));
        Assert.Equal("/a \"b\"\\\u0001ü", lines[4].GetProperty("detail").GetString());
        Assert.Equal("ioctl,enclu,encls,paging,fault,exit,exception,signal,mapping,process,fast,power,order",
            string.Join(',', lines[0].GetProperty("events").EnumerateArray().Select(kind => kind.GetString())));
        Assert.False(lines[5].TryGetProperty("page", out _));
        Assert.Equal("PT_REG rw- PENDING", lines[6].GetProperty("page").GetString());
        Assert.Equal(0x10000, lines[7].GetProperty("length").GetInt64());
        Assert.Equal("end", lines[^1].GetProperty("event").GetString());
        Assert.Equal(3, lines[^1].GetProperty("exitStatus").GetInt32());
    }

    [Fact]
    public void Chrome_has_one_array()
    {
        JsonElement[] events = [.. JsonDocument.Parse(Write(new ChromeTrace())).RootElement.EnumerateArray()];
        JsonElement ioctl = events.Single(e => e.GetProperty("name").GetString() == "SGX_IOC_ENCLAVE_INIT");
        Assert.Equal("X", ioctl.GetProperty("ph").GetString());
        Assert.Equal(2_000_001.0, ioctl.GetProperty("ts").GetDouble());
        Assert.Equal(1_000_000.5, ioctl.GetProperty("dur").GetDouble());
        Assert.Equal(8, ioctl.GetProperty("tid").GetInt32());

        Assert.Equal("PT_REG rw- PENDING", events.Single(e => e.GetProperty("name").GetString() == "EAUG").GetProperty("args")
            .GetProperty("page").GetString());

        // How long it was inside stands beside the exit that ended it.
        JsonElement inside = events.Single(e => e.GetProperty("name").GetString() == "enclave 2");
        Assert.Equal((3.0, 2.0), (inside.GetProperty("ts").GetDouble(), inside.GetProperty("dur").GetDouble()));
        Assert.Equal("i", events.Single(e => e.GetProperty("name").GetString() == "AEX").GetProperty("ph").GetString());
        Assert.Contains(events,
            e => e.GetProperty("ph").GetString() == "M" && e.GetProperty("args").GetProperty("name").GetString() == "/a \"b\"\\\u0001ü");
    }

    [Theory]
    [InlineData("a.json", TraceFileFormat.Chrome)]
    [InlineData("a.JSONL", TraceFileFormat.JsonLines)]
    [InlineData("a.ndjson", TraceFileFormat.JsonLines)]
    [InlineData("a", TraceFileFormat.Text)]
    [InlineData("-", TraceFileFormat.Text)]
    internal void A_files_name_says_its_format(string path, TraceFileFormat expected) => Assert.Equal(expected, TraceNames.FormatOf(path));

    [Theory]
    [InlineData("ioctl", TraceKinds.Ioctl)]
    [InlineData("leaf,fault", TraceKinds.Enclu | TraceKinds.Encls | TraceKinds.Paging | TraceKinds.Fault)]
    [InlineData("all", TraceKinds.All)]
    internal void Kinds_have_names(string text, TraceKinds expected) =>
        Assert.Equal(expected, TraceNames.Parse(text, out string? strange) | (strange is null ? 0 : TraceKinds.All));

    [Theory]
    [InlineData("", "")]
    [InlineData("ioctl,", "")]
    [InlineData("ioctl,leafs", "leafs")]
    public void A_strange_kind_is_named(string text, string strange)
    {
        _ = TraceNames.Parse(text, out string? found);
        Assert.Equal(strange, found);
    }

    private static string Write(ITraceFormat format)
    {
        var line = new Utf8Line();
        format.Begin(line, s_header);
        foreach (TraceEvent happened in (TraceEvent[])[s_ioctl, s_exit, s_fast, s_exec, s_paging, s_added, s_created])
        {
            format.Write(line, in happened);
        }

        format.End(line, 4_000, 3, null);
        return Encoding.UTF8.GetString(line.Bytes);
    }
}
