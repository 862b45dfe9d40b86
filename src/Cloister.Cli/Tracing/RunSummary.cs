using System.Globalization;
using System.Text;
using Cloister.Lab;

namespace Cloister.Cli.Tracing;

/// <summary>Sums a run up: by call, by enclave, by thread.</summary>
internal sealed class RunSummary : ITraceSink
{
    private const int MostRows = 1000, ShownRows = 40;

    /// <summary>What the time is called that threads spend inside.</summary>
    internal const string Inside = "inside, from entry to exit";

    private readonly SortedDictionary<string, (Latencies Times, long Errors)> _calls = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ulong, EnclaveSummary> _enclaves = [];
    private readonly SortedDictionary<(int Process, int Thread), ThreadSummary> _threads = [];
    private readonly Dictionary<int, HashSet<ulong>> _living = []; // the enclaves of a process
    private readonly EventCounts _events = new();

    /// <inheritdoc/>
    public TraceKinds Kinds => TraceKinds.Ioctl | TraceKinds.Leaf | TraceKinds.Fault | TraceKinds.Exit | TraceKinds.Fast
        | TraceKinds.Power;

    /// <summary>By call: what took time.</summary>
    public IReadOnlyList<CallSummary> Calls => [.. _calls.Select(call => CallSummary.Of(call.Key, call.Value.Times, call.Value.Errors))
        .OrderByDescending(call => call.Nanoseconds)];

    /// <summary>By call, in the order of their names.</summary>
    public IEnumerable<(string Name, Latencies Times, long Errors)> Times =>
        _calls.Select(call => (call.Key, call.Value.Times, call.Value.Errors));

    /// <summary>By enclave, in the order of ECREATE; no more than the first thousand.</summary>
    public IReadOnlyCollection<EnclaveSummary> Enclaves => _enclaves.Values;

    /// <summary>By thread; no more than the first thousand that came in, faulted or made an ioctl.</summary>
    public IReadOnlyCollection<ThreadSummary> Threads => _threads.Values;

    /// <summary>What it would have cost on hardware.</summary>
    public HardwareCost Hardware => HardwareCost.Of(_events);

    /// <summary>An enclave is there already.</summary>
    /// <param name="enclave">Its number.</param>
    /// <param name="pages">EPC pages that it has.</param>
    /// <param name="processes">The processes that have it.</param>
    public void Begin(ulong enclave, int pages, IEnumerable<int> processes)
    {
        if (_enclaves.Count < MostRows)
        {
            _enclaves[enclave] = new EnclaveSummary { Enclave = enclave };
            _enclaves[enclave].Change(pages);
        }

        foreach (int process in processes)
        {
            if (!_living.TryGetValue(process, out HashSet<ulong>? living))
            {
                _living[process] = living = [];
            }

            _ = living.Add(enclave);
        }
    }

    /// <inheritdoc/>
    public void Take(in TraceEvent e)
    {
        if (e.Kind == TraceKinds.Power)
        {
            foreach (EnclaveSummary one in _enclaves.Values)
            {
                one.Change(-one.Pages);
            }

            return;
        }

        EnclaveSummary? enclave = EnclaveOf(in e);
        bool failed = e.Kind switch
        {
            TraceKinds.Ioctl => e.Outcome is { Length: > 0 } outcome && outcome[0] is '-' or '?',
            TraceKinds.Fault => e.Outcome?.StartsWith("SIGBUS", StringComparison.Ordinal) == true,
            _ => false,
        };
        if (EventOf(in e) is { } counted)
        {
            _events[counted] += e.Count;
        }

        if (e.Kind is not (TraceKinds.Encls or TraceKinds.Paging) && e.Thread != 0)
        {
            ThreadOf(in e)?.Add(in e, failed);
        }

        switch (e.Kind)
        {
            case TraceKinds.Ioctl:
                Time(e.Name, e.Duration, failed);
                if (enclave is not null)
                {
                    enclave.Ioctls++;
                }

                return;
            case TraceKinds.Fault:
                Time(e.Outcome switch
                {
                    "EAUG" => "page fault, a page added by EAUG",
                    "ELDU" => "page fault, a page loaded by ELDU",
                    "mapped" => "page fault, the page was in the EPC",
                    _ when failed => "page fault, not resolved",
                    _ => "page fault, something by order came before"
                }, e.Duration,
                    failed);
                if (enclave is not null)
                {
                    enclave.PageFaults++;
                }

                return;
            case TraceKinds.Encls or TraceKinds.Paging:
                if (enclave is not null && e.Outcome == "0")
                {
                    Page(enclave, e.Name);
                }

                return;
        }

        if (e.Duration >= 0)
        {
            Time(Inside, e.Duration, false);
        }

        enclave?.Counts.Add(in e);
    }

    /// <summary>As tables.</summary>
    public string Text()
    {
        var text = new StringBuilder();
        if (_calls.Count > 0)
        {
            Line(text, $"{"seconds",12} {"count",9} {"errors",7} {"us/call",10} {"median",10} {"95 %",10} {"99 %",10} {"longest",10}  what took time (median and percentiles in us, to an eighth)");
            foreach (CallSummary call in Calls)
            {
                Line(text, $"{call.Nanoseconds / 1e9,12:f6} {call.Count,9} {call.Errors,7} {call.Nanoseconds / 1e3 / call.Count,10:f1} {call.Median / 1e3,10:f1} {call.Percentile95 / 1e3,10:f1} {call.Percentile99 / 1e3,10:f1} {call.Maximum / 1e3,10:f1}  {call.Name}");
            }
        }

        foreach (EnclaveSummary one in _enclaves.Values.Take(ShownRows))
        {
            Line(text, $"enclave {one.Enclave}: {Told(one.Counts)}; page faults {one.PageFaults}, ioctls {one.Ioctls}; pages added {one.Added}, augmented {one.Augmented}, evicted {one.Evicted}, loaded {one.Loaded}; EPC pages at peak {one.PeakPages}, at the end {one.Pages}{(one.IsPartial ? "; without those that came in and went out without a stop, while another enclave was in the process" : "")}");
        }

        More(text, _enclaves.Count, "enclaves");
        foreach (ThreadSummary one in _threads.Values.Take(ShownRows))
        {
            Line(text, $"thread {one.Thread}{(one.Thread == one.Process ? "" : $" of {one.Process}")}: {Told(one.Counts)}");
            foreach (CallSummary call in one.Calls)
            {
                Line(text, $"  {call.Count} {call.Name}: median {call.Median / 1e3:f1} us, 95 % {call.Percentile95 / 1e3:f1}, 99 % {call.Percentile99 / 1e3:f1}, longest {call.Maximum / 1e3:f1}");
            }
        }

        More(text, _threads.Count, "threads");
        _ = text.Append(Hardware.Text());
        return text.ToString().TrimEnd('\n');
    }

    private ThreadSummary? ThreadOf(in TraceEvent e)
    {
        if (!_threads.TryGetValue((e.Process, e.Thread), out ThreadSummary? thread) && _threads.Count < MostRows)
        {
            _threads[(e.Process, e.Thread)] = thread = new ThreadSummary(e.Process, e.Thread);
        }

        return thread;
    }

    private static MachineEvent? EventOf(in TraceEvent e) => e.Kind switch
    {
        TraceKinds.Ioctl => MachineEvent.Ioctl,
        TraceKinds.Fault => MachineEvent.PageFault,
        TraceKinds.Exit => e.Detail == "#PF" ? MachineEvent.AexPageFault : MachineEvent.AexOther,
        TraceKinds.Fast => MachineEventNames.Parse(e.Name),
        TraceKinds.Encls or TraceKinds.Enclu or TraceKinds.Paging when e.Outcome == "0" => MachineEventNames.Parse(e.Name),
        _ => null,
    };

    private static string Told(EntryCounts counts)
    {
        string causes = string.Join(", ", counts.Aex.Select(cause => $"{cause.Key} {cause.Value}"));
        return string.Create(CultureInfo.InvariantCulture,
            $"EENTER {counts.Entries + counts.FastEntries} ({counts.FastEntries} without a stop), ERESUME {counts.Resumptions}, EEXIT {counts.Exits}, AEX {counts.Aex.Values.Sum()}{(causes.Length > 0 ? $" ({causes})" : "")}");
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(FormattableString.Invariant(line)).Append('\n');

    private static void More(StringBuilder text, int count, string what)
    {
        if (count > ShownRows)
        {
            Line(text, $"and {count - ShownRows} more {what}; --stats=json has them");
        }
    }

    // What threads do without a stop is an enclave's where no other lives in their process:
    // whoever makes or removes one stops, and is told of before.
    private EnclaveSummary? EnclaveOf(in TraceEvent e)
    {
        _ = _living.TryGetValue(e.Process, out HashSet<ulong>? living);
        if (e.Kind == TraceKinds.Fast)
        {
            foreach (ulong one in living is { Count: > 1 } ? living : [])
            {
                if (_enclaves.TryGetValue(one, out EnclaveSummary? partly))
                {
                    partly.IsPartial = true;
                }
            }

            return living is { Count: 1 } ? _enclaves.GetValueOrDefault(living.First()) : null;
        }

        if (e.Enclave == 0)
        {
            return null;
        }

        if (e is { Name: "EREMOVE", Address: 0, Outcome: "0" })
        {
            foreach (HashSet<ulong> others in _living.Values)
            {
                _ = others.Remove(e.Enclave);
            }
        }
        else if (e.Process != 0)
        {
            if (living is null)
            {
                _living[e.Process] = living = [];
            }

            _ = living.Add(e.Enclave);
        }

        if (!_enclaves.TryGetValue(e.Enclave, out EnclaveSummary? summary) && _enclaves.Count < MostRows)
        {
            _enclaves[e.Enclave] = summary = new EnclaveSummary { Enclave = e.Enclave };
        }

        return summary;
    }

    private static void Page(EnclaveSummary enclave, string leaf)
    {
        switch (leaf)
        {
            case "ECREATE": enclave.Change(1); break;
            case "EADD": enclave.Change(1); enclave.Added++; break;
            case "EAUG": enclave.Change(1); enclave.Augmented++; break;
            case "ELDU" or "ELDB" or "ELDUC" or "ELDBC": enclave.Change(1); enclave.Loaded++; break;
            case "EWB": enclave.Change(-1); enclave.Evicted++; break;
            case "EREMOVE": enclave.Change(-1); break;
        }
    }

    private void Time(string name, long nanoseconds, bool failed)
    {
        if (!_calls.TryGetValue(name, out (Latencies Times, long Errors) known))
        {
            if (_calls.Count >= MostRows)
            {
                return;
            }

            known = (new Latencies(), 0);
        }

        known.Times.Add(Math.Max(nanoseconds, 0));
        _calls[name] = (known.Times, known.Errors + (failed ? 1 : 0));
    }
}
