using System.Globalization;
using System.Text.Json;
using Cloister.Cli.Tracing;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Options;

namespace Cloister.Cli.Running;

/// <summary>What the machine did in a run. docs/reference/json.md describes the JSON form, whose names stay.</summary>
internal sealed record RunStatistics
{
    private const int SchemaVersion = 1;

    /// <summary>Grows when a member changes its meaning or goes.</summary>
    public int Schema { get; init; } = SchemaVersion;

    /// <summary>The program's exit status; null when a signal ended it.</summary>
    public int? ExitStatus { get; init; }

    /// <summary>The signal that ended it, or null.</summary>
    public int? Signal { get; init; }

    /// <summary>From the program's start to the end of all that it started.</summary>
    public double Seconds { get; init; }

    /// <summary>EPC pages of the machine.</summary>
    public long EpcPagesTotal { get; init; }

    /// <summary>EPC pages that nobody owned at the end.</summary>
    public long EpcPagesFree { get; init; }

    /// <summary>Pages added by EADD.</summary>
    public long PagesAdded { get; init; }

    /// <summary>Pages added by EAUG.</summary>
    public long PagesAugmented { get; init; }

    /// <summary>Pages removed by REMOVE_PAGES.</summary>
    public long PagesRemoved { get; init; }

    /// <summary>Pages written out by EWB.</summary>
    public long PagesEvicted { get; init; }

    /// <summary>Pages brought back by ELDU.</summary>
    public long PagesLoaded { get; init; }

    /// <summary>Page faults that the driver handled.</summary>
    public long PageFaults { get; init; }

    /// <summary>Calls of ioctl on the devices.</summary>
    public long Ioctls { get; init; }

    /// <summary>Times all threads were made to leave an enclave.</summary>
    public long ForcedExits { get; init; }

    /// <summary>Times a thread was stopped for a system call.</summary>
    public long StopsForSystemCalls { get; init; }

    /// <summary>Times a thread was stopped for a signal, ENCLU among them.</summary>
    public long StopsForSignals { get; init; }

    /// <summary>Times a thread was stopped for something else.</summary>
    public long StopsForOtherEvents { get; init; }

    /// <summary>What took time, by call.</summary>
    public IReadOnlyList<CallSummary> Calls { get; init; } = [];

    /// <summary>What became of each enclave.</summary>
    public IReadOnlyCollection<EnclaveSummary> Enclaves { get; init; } = [];

    /// <summary>What each thread did that was inside.</summary>
    public IReadOnlyCollection<ThreadSummary> Threads { get; init; } = [];

    /// <summary>What it would have cost on hardware, as far as figures were published.</summary>
    public HardwareCost Hardware { get; init; } = new();

    /// <summary>Reads them off a machine.</summary>
    public static RunStatistics Of(Tracer tracer, ProgramEnd end, TimeSpan time, RunSummary summary)
    {
        DriverStatistics driver = tracer.Driver.Statistics;
        return new RunStatistics
        {
            ExitStatus = end.ExitStatus,
            Signal = end.Signal,
            Seconds = Math.Round(time.TotalSeconds, 6),
            EpcPagesTotal = driver.EpcPagesTotal,
            EpcPagesFree = driver.EpcPagesFree,
            PagesAdded = driver.Adds,
            PagesAugmented = driver.Augments,
            PagesRemoved = driver.Removals,
            PagesEvicted = driver.Evictions,
            PagesLoaded = driver.Loads,
            PageFaults = driver.Faults,
            Ioctls = driver.Ioctls,
            ForcedExits = driver.ForcedExits,
            StopsForSystemCalls = tracer.Stops.SystemCalls,
            StopsForSignals = tracer.Stops.Signals,
            StopsForOtherEvents = tracer.Stops.Others,
            Calls = summary.Calls,
            Enclaves = summary.Enclaves,
            Threads = summary.Threads,
            Hardware = summary.Hardware,
        };
    }

    /// <summary>What came since others were read off it. What is at one moment, and what calls, enclaves and threads did, stays.</summary>
    public RunStatistics Since(RunStatistics before) => this with
    {
        PagesAdded = PagesAdded - before.PagesAdded,
        PagesAugmented = PagesAugmented - before.PagesAugmented,
        PagesRemoved = PagesRemoved - before.PagesRemoved,
        PagesEvicted = PagesEvicted - before.PagesEvicted,
        PagesLoaded = PagesLoaded - before.PagesLoaded,
        PageFaults = PageFaults - before.PageFaults,
        Ioctls = Ioctls - before.Ioctls,
        ForcedExits = ForcedExits - before.ForcedExits,
        StopsForSystemCalls = StopsForSystemCalls - before.StopsForSystemCalls,
        StopsForSignals = StopsForSignals - before.StopsForSignals,
        StopsForOtherEvents = StopsForOtherEvents - before.StopsForOtherEvents,
    };

    /// <summary>As text, a line each, or as one line of JSON.</summary>
    public string Text(StatisticsFormat format, RunSummary summary)
    {
        if (format == StatisticsFormat.Json)
        {
            return JsonSerializer.Serialize(this, RunJson.Default.RunStatistics);
        }

        (string Name, long Value)[] lines =
        [
            ("epc pages total", EpcPagesTotal),
            ("epc pages free", EpcPagesFree),
            ("pages added", PagesAdded),
            ("pages augmented", PagesAugmented),
            ("pages removed", PagesRemoved),
            ("pages evicted", PagesEvicted),
            ("pages loaded", PagesLoaded),
            ("page faults", PageFaults),
            ("ioctls", Ioctls),
            ("forced exits", ForcedExits),
            ("stops for system calls", StopsForSystemCalls),
            ("stops for signals", StopsForSignals),
            ("stops for other events", StopsForOtherEvents),
        ];
        return string.Join('\n', lines.Select(line => string.Create(CultureInfo.InvariantCulture, $"{line.Name}: {line.Value}")))
            + (summary.Text() is { Length: > 0 } tables ? "\n" + tables : "");
    }
}
