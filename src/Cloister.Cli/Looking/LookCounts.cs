using Cloister.Cli.Running;
using Cloister.Cli.Tracing;
using Cloister.Driver;
using Cloister.Engine;

namespace Cloister.Cli.Looking;

/// <summary>Counts what a run does for those who look at it; nothing is counted before somebody asks. Of the tracer's thread.</summary>
/// <param name="tracer">The run.</param>
/// <param name="observers">Who listens.</param>
/// <param name="whole">What counts since the beginning; null where that was not asked for.</param>
internal sealed class LookCounts(Tracer tracer, ObserverList observers, RunSummary? whole)
{
    private readonly Sink _sink = new();
    private RunSummary? _summary = whole;
    private RunStatistics? _before;
    private double _from, _observedFrom;
    private bool _listens;

    /// <summary>What was counted so far.</summary>
    /// <param name="view">The machine.</param>
    /// <param name="now">Seconds since the beginning.</param>
    /// <param name="resets">Whether to begin anew.</param>
    public StatsLook Look(MachineView view, double now, bool resets)
    {
        _ = Summary(view, now);

        RunStatistics all = RunStatistics.Of(tracer, default, TimeSpan.FromSeconds(now), _summary!);
        RunStatistics counted = _before is null ? all : all.Since(_before);
        var look = new StatsLook
        {
            Pid = Environment.ProcessId,
            Seconds = now,
            CountedFrom = _from,
            ObservedFrom = _observedFrom,
            Statistics = counted,
            Text = counted.Text(StatisticsFormat.Text, _summary!),
        };
        if (resets)
        {
            (_before, _from) = (all, now);
            Observe(view, now);
        }

        return look;
    }

    /// <summary>Calls, enclaves and threads as they were counted so far; from now on where nobody asked before.</summary>
    public RunSummary Summary(MachineView view, double now)
    {
        if (_summary is null)
        {
            Observe(view, now);
        }

        return _summary!;
    }

    private void Observe(MachineView view, double now)
    {
        (_summary, _observedFrom) = (new RunSummary(), now);
        foreach (IOpenEnclave enclave in view.Driver.Enclaves.Where(one => one.IsCreated))
        {
            int[] processes = [.. view.Processes.Where(process => process.Mappings.Any(mapping => mapping.Enclave == enclave))
                .Select(process => process.Id)];
            _summary.Begin(enclave.Eid, enclave.ResidentPageCount + (enclave.SecsPage.IsNone ? 0 : 1), processes);
        }

        _sink.Summary = _summary;
        if (!_listens)
        {
            _listens = true;
            observers.Add(tracer, TraceRecorder.Begin(tracer.Machine, _sink));
        }
    }

    /// <summary>Passes events on to who counts now.</summary>
    private sealed class Sink : ITraceSink
    {
        public RunSummary Summary { get; set; } = new();

        public TraceKinds Kinds => Summary.Kinds;

        public void Take(in TraceEvent happened) => Summary.Take(in happened);
    }
}
