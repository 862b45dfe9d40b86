using System.Globalization;
using Cloister.Architecture;
using Cloister.Cli.Tracing;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;

namespace Cloister.Cli.Metrics;

/// <summary>What a run has to say of itself. Nothing of it is secret: neither the program's arguments nor anything of its memory.</summary>
internal static class RunMetrics
{
    // Latencies are kept to an eighth of a power of two: these are exact. From about a microsecond to 17 seconds.
    private const int FirstBound = 10, LastBound = 34, BoundStep = 2;

    /// <summary>Of the tracer's thread.</summary>
    /// <param name="text">Takes it.</param>
    /// <param name="view">The machine.</param>
    /// <param name="header">What run it is.</param>
    /// <param name="seconds">Since the program began.</param>
    /// <param name="summary">What was counted.</param>
    public static void Write(IMetricSink text, MachineView view, TraceHeader header, double seconds, RunSummary summary)
    {
        DriverStatistics driver = view.Driver.Statistics;
        IReadOnlyList<ObservedProcess> processes = view.Processes;
        text.Add(MetricTable.Target, 1, "cloister", header.Version, Text(Environment.ProcessId), header.Engine, header.Isolation,
            header.Interface);
        text.Add(MetricTable.Uptime, seconds);
        text.Add(MetricTable.Processes, processes.Count);
        text.Add(MetricTable.Stops, view.Stops.SystemCalls, "system_call");
        text.Add(MetricTable.Stops, view.Stops.Signals, "signal");
        text.Add(MetricTable.Stops, view.Stops.Others, "other");
        text.Add(MetricTable.EpcLimit, Bytes(driver.EpcPagesTotal));
        text.Add(MetricTable.EpcUsage, Bytes(driver.EpcPagesTotal - driver.EpcPagesFree), "used");
        text.Add(MetricTable.EpcUsage, Bytes(driver.EpcPagesFree), "free");
        Operations(text, MetricTable.EpcOperations, [], driver.Adds, driver.Augments, driver.Evictions, driver.Loads);
        text.Add(MetricTable.EpcOperations, driver.Removals, "remove");
        text.Add(MetricTable.Backing, Bytes(driver.BackingPages));
        text.Add(MetricTable.Faults, driver.Faults);
        text.Add(MetricTable.Ioctls, driver.Ioctls);
        text.Add(MetricTable.ForcedExits, driver.ForcedExits);
        Living(text, [.. view.Driver.Enclaves.Where(one => one.IsCreated).OrderBy(one => one.Eid)], processes);
        Counted(text, summary);
    }

    private static void Living(IMetricSink text, IOpenEnclave[] enclaves, IReadOnlyList<ObservedProcess> processes)
    {
        foreach (string state in (string[])["building", "initialized", "dead", "suspended"])
        {
            text.Add(MetricTable.Enclaves, enclaves.Count(one => MachineNames.StateOf(one) == state), state);
        }

        foreach (IOpenEnclave one in enclaves)
        {
            (ReadOnlyMemory<byte> measured, ReadOnlyMemory<byte> signer) = one.Identity;
            text.Add(MetricTable.EnclaveInfo, 1, Text(one.Eid), Convert.ToHexStringLower(measured.Span),
                Convert.ToHexStringLower(signer.Span), one.IsDebug ? "true" : "false");
        }

        foreach (IOpenEnclave one in enclaves)
        {
            text.Add(MetricTable.EnclaveUsage, Bytes(one.ResidentPageCount), Text(one.Eid));
        }

        foreach (IOpenEnclave one in enclaves)
        {
            text.Add(MetricTable.EnclaveMemory, Bytes(one.PageCount), Text(one.Eid));
        }

        foreach (IOpenEnclave one in enclaves)
        {
            text.Add(MetricTable.Inside,
                processes.Sum(process => process.Threads.Count(thread => thread.Processor.EnclaveMode && thread.Processor.Eid == one.Eid)),
                Text(one.Eid));
        }
    }

    private static void Counted(IMetricSink text, RunSummary summary)
    {
        foreach (EnclaveSummary one in summary.Enclaves)
        {
            // Of ERESUME and EEXIT it is not kept which of them stopped.
            text.Add(MetricTable.Transitions, one.Counts.Entries, Text(one.Enclave), "EENTER", "true");
            text.Add(MetricTable.Transitions, one.Counts.FastEntries, Text(one.Enclave), "EENTER", "false");
            text.Add(MetricTable.Transitions, one.Counts.Resumptions, Text(one.Enclave), "ERESUME", "");
            text.Add(MetricTable.Transitions, one.Counts.Exits, Text(one.Enclave), "EEXIT", "");
        }

        foreach (EnclaveSummary one in summary.Enclaves)
        {
            foreach ((string cause, long count) in one.Counts.Aex)
            {
                text.Add(MetricTable.Exits, count, Text(one.Enclave), cause);
            }
        }

        foreach (EnclaveSummary one in summary.Enclaves)
        {
            Operations(text, MetricTable.EnclaveOperations, [Text(one.Enclave)], one.Added, one.Augmented, one.Evicted, one.Loaded);
        }

        foreach (EnclaveSummary one in summary.Enclaves)
        {
            text.Add(MetricTable.EnclaveFaults, one.PageFaults, Text(one.Enclave));
        }

        foreach ((string name, Latencies times, _) in summary.Times)
        {
            IEnumerable<(double, long)> upTo = Enumerable.Range(0, ((LastBound - FirstBound) / BoundStep) + 1)
                .Select(i => FirstBound + (i * BoundStep)).Select(bits => ((1L << bits) / 1e9, times.CountBelow(bits)));
            text.Add(MetricTable.Operations, upTo, times.Count, times.Total / 1e9, name);
        }

        foreach ((string name, _, long errors) in summary.Times)
        {
            text.Add(MetricTable.Errors, errors, name);
        }
    }

    private static void Operations(IMetricSink text, Metric metric, string[] attributes, long added, long augmented,
        long evicted, long loaded)
    {
        text.Add(metric, added, [.. attributes, "add"]);
        text.Add(metric, augmented, [.. attributes, "augment"]);
        text.Add(metric, evicted, [.. attributes, "evict"]);
        text.Add(metric, loaded, [.. attributes, "load"]);
    }

    private static double Bytes(long pages) => pages * (double)LinearAddress.PageSize;

    private static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
