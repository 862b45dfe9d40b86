using System.Text;
using Cloister.Cli.Reporting;
using Cloister.Cli.Tracing;
using Cloister.Images;

namespace Cloister.Cli.Tests.Reporting;

/// <summary>Traces of JSON lines are read as they were written, cut ones up to there, and nothing else is taken for one.</summary>
public class TraceReaderTests
{
    private static readonly TraceHeader s_header = new("1.0", ["app", "\"<&>\u00e9"], "fast", "strict", "v6.0", 768,
        new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), TraceKinds.Encls | TraceKinds.Ioctl);

    private static readonly TraceEvent[] s_events =
    [
        new()
        {
            Kind = TraceKinds.Encls,
            Name = "ECREATE",
            Time = 1000,
            Duration = -1,
            Process = 7,
            Thread = 8,
            Enclave = 1,
            Address = 0x7f0000000000,
            Length = 0x10000,
            Outcome = "0",
            Page = "PT_SECS ---",
            Count = 1,
        },
        new()
        {
            Kind = TraceKinds.Encls,
            Name = "EADD",
            Time = 2000,
            Duration = -1,
            Process = 7,
            Thread = 8,
            Enclave = 1,
            Address = 0x7f0000001000,
            Outcome = "0",
            Page = "PT_REG r-x",
            Count = 1,
        },
        new()
        {
            Kind = TraceKinds.Ioctl,
            Name = "SGX_IOC_ENCLAVE_INIT",
            Time = 9000,
            Duration = 800,
            Process = 7,
            Thread = 8,
            Enclave = 1,
            Address = 16,
            Outcome = "-EPERM",
            Count = 1,
        },
        new()
        {
            Kind = TraceKinds.Exit,
            Name = "AEX",
            Time = 9500,
            Duration = 100,
            Process = 7,
            Thread = 8,
            Enclave = 1,
            Address = 0xffffffffffffffff,
            Detail = "#PF",
            Count = 1,
        },
        new()
        {
            Kind = TraceKinds.Fast,
            Name = "EENTER",
            Time = 9900,
            Duration = -1,
            Process = 7,
            Thread = 8,
            Count = 1000,
            Earlier = true,
        },
    ];

    [Fact]
    public void What_was_written_is_read_and_summed_up_as_by_the_statistics()
    {
        TraceDigest digest = Read(Written(ended: true));
        Assert.Equal(s_header.Program, digest.Header!.Program);
        Assert.Equal((s_header with { Program = [] }).ToString(), (digest.Header with { Program = [] }).ToString());
        Assert.Equal((5L, 12_345L, (0, (int?)null)), (digest.Events, digest.Last, digest.Ended!.Value));
        var summary = new RunSummary();
        foreach (TraceEvent one in s_events)
        {
            summary.Take(in one);
        }

        Assert.Equal(summary.Text(), digest.Summary.Text());
        Assert.Equal(2, digest.Epc.Single().Pages);
        Reason failed = Assert.Single(digest.Reasons, reason => reason.Kind == "ioctl");
        Assert.Equal(("SGX_IOC_ENCLAVE_INIT", "-EPERM", 1L, 9000L, 8, 1UL),
            (failed.Name, failed.How, failed.Count, failed.First, failed.Thread, failed.Enclave));
        Assert.Equal(0xfffffffffffff000, Assert.Single(digest.Hottest).Address);
        EnclaveMap map = Assert.Single(digest.Maps);
        Assert.Equal((0x7f0000000000UL, 0x10000UL, "PT_REG r-x"), (map.Base, map.Size, map.StateOf(0x7f0000001000).ToString()));
    }

    [Fact]
    public void One_that_was_cut_is_read_up_to_there()
    {
        byte[] whole = Written(ended: false);
        for (int length = whole.Length; length > Array.IndexOf(whole, (byte)'\n'); length -= 7)
        {
            TraceDigest digest = Read(whole[..length]);
            Assert.Null(digest.Ended);
            Assert.Equal(whole[..length].Count(one => one == '\n') - 1, digest.Events);
        }
    }

    [Fact]
    public void However_it_comes_it_is_the_same()
    {
        var digest = new TraceDigest();
        TraceReader.Read(new OneByOne(Written(ended: true)), digest, CancellationToken.None);
        Assert.Equal(5, digest.Events);
    }

    [Theory]
    [InlineData("", "no trace of JSON lines")]
    [InlineData("\n", "no trace of JSON lines")]
    [InlineData("{}\n", "no trace of JSON lines")]
    [InlineData("[]\n", "no trace of JSON lines")]
    [InlineData("{\"event\":\"end\"}\n", "no trace of JSON lines")]
    [InlineData("8123  0.568033988  ioctl(SGX_IOC_ENCLAVE_CREATE, 0x7fffea895c98) = 0\n", "no trace of JSON lines")]
    [InlineData("{\"event\":\"begin\",\"schema\":2}\n", "a trace of another version")]
    [InlineData("{\"event\":\"begin\",\"schema\":1,\"version\":\"1\",\"program\":[],\"events\":[\"x\"],\"engine\":\"\",\"isolation\":\"\",\"interface\":\"\",\"epcPages\":1,\"started\":\"2020-01-01T00:00:00Z\"}\n", "no trace of JSON lines")]
    [InlineData("{\"event\":\"begin\",\"schema\":1,\"version\":null,\"program\":[],\"engine\":\"\",\"isolation\":\"\",\"interface\":\"\",\"epcPages\":1,\"started\":\"2020-01-01T00:00:00Z\"}\n", "no trace of JSON lines")]
    public void Anything_else_is_refused(string text, string problem) =>
        Assert.Contains(problem, Assert.Throws<ImageException>(() => Read(Encoding.UTF8.GetBytes(text))).Message);

    [Theory]
    [InlineData("rubbish")]
    [InlineData("{}")]
    [InlineData("{\"event\":\"leaf\",\"name\":\"x\",\"time\":1,\"process\":1,\"thread\":1}")]
    [InlineData("{\"event\":\"enclu\",\"name\":\"x\",\"time\":\"1\",\"process\":1,\"thread\":1}")]
    [InlineData("{\"event\":\"enclu\",\"name\":\"x\",\"time\":1,\"process\":1,\"thread\":1,\"address\":\"x\"}")]
    [InlineData("{\"event\":\"encls\",\"name\":\"EADD\",\"time\":1,\"process\":1,\"thread\":1,\"enclave\":1,\"address\":\"0x1000\",\"outcome\":\"0\",\"page\":\"PT_REG rw-\"}")]
    [InlineData("{\"event\":\"enclu\",\"name\":\"x\",\"time\":1e30,\"process\":1,\"thread\":1}")]
    [InlineData("{\"event\":\"enclu\",\"name\":null,\"time\":1,\"process\":1,\"thread\":1}")]
    public void A_line_that_is_no_event_is_told(string line)
    {
        byte[] trace = [.. Written(ended: false), .. Encoding.UTF8.GetBytes(line + "\n")];
        Assert.Equal("line 7 is no event of a trace", Assert.Throws<ImageException>(() => Read(trace)).Message);
    }

    [Fact]
    public void A_line_without_an_end_is_not_read_to_its_end()
    {
        byte[] trace = [.. Written(ended: false), .. new byte[2 << 20]];
        Assert.Equal("line 7 is too long", Assert.Throws<ImageException>(() => Read(trace)).Message);
    }

    private static TraceDigest Read(byte[] trace)
    {
        var digest = new TraceDigest();
        TraceReader.Read(new MemoryStream(trace), digest, CancellationToken.None);
        _ = ReportPage.Render(digest, "{{title}}{{body}}{{data}}");
        return digest;
    }

    private static byte[] Written(bool ended)
    {
        var format = new JsonLinesTrace();
        var line = new Utf8Line();
        format.Begin(line, s_header);
        foreach (TraceEvent one in s_events)
        {
            format.Write(line, in one);
        }

        if (ended)
        {
            format.End(line, 12_345, 0, null);
        }

        return line.Bytes.ToArray();
    }

    private sealed class OneByOne(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(1, buffer.Length)]);
    }
}
