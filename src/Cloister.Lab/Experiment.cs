using System.Globalization;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Options;
using Cloister.Lab.Program;
using Cloister.Linux;

namespace Cloister.Lab;

/// <summary>
/// Runs the same accesses in each way on the machine, counts what the machine does, and takes the time. The question is that of the
/// threads of February and March 2022 (V2 19/32 and 16/32): what does a page fault for each page cost against an ioctl for all of them?
/// </summary>
/// <remarks>
/// Each generation of the interface is a process of the program's, once for the counts (EngineMode.Trap, where every ENCLU passes the
/// model) and once for the time.
/// </remarks>
public sealed class Experiment(ExperimentOptions options)
{
    // Version arrays, SECS, the enclave's own pages and what the reclaimer wants free: nothing is to be evicted.
    private const int SparePages = 1024;

    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(10);

    private readonly List<(AllocationWay Way, AllocationPattern Pattern)> _cells =
        [.. options.Ways.SelectMany(way => options.Patterns, (way, pattern) => (way, pattern))];

    private volatile bool _cancelled;
    private volatile Tracer? _running;
    private int _done;

    /// <summary>Hears how many enclaves of how many are done, and what is being run.</summary>
    public Action<int, int, string>? OnProgress { get; set; }

    private int Total => _cells.Count * (1 + (options.Repeats == 0 ? 0 : options.Repeats + 1));

    /// <summary>Ends it: the program is killed, and <see cref="Run"/> throws. May be called by any thread.</summary>
    public void Cancel()
    {
        _cancelled = true;
        if (_running is { } tracer && !tracer.Signal(Signal.SIGKILL))
        {
            // It is just being started: it is killed as soon as it is there.
            _ = Task.Run(async () =>
            {
                while (_running == tracer && !tracer.Signal(Signal.SIGKILL))
                {
                    await Task.Delay(s_retry).ConfigureAwait(false);
                }
            });
        }
    }

    /// <summary>Runs all of it. Call once.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ExperimentException">The program failed.</exception>
    public IReadOnlyList<ExperimentResult> Run()
    {
        var results = new Dictionary<(AllocationWay, AllocationPattern), ExperimentResult>();
        DirectoryInfo scratch = Directory.CreateTempSubdirectory("cloister-lab-");
        try
        {
            foreach (IGrouping<Generation, (AllocationWay Way, AllocationPattern Pattern)> group in _cells.GroupBy(
                cell => cell.Way.Generation))
            {
                (AllocationWay Way, AllocationPattern Pattern)[] cells = [.. group];
                IReadOnlyList<EnclaveEvents> counted = Count(group.Key, cells, scratch);
                IReadOnlyList<(TimeSpan[] Build, TimeSpan[] Use)>? timed = options.Repeats == 0 ? null : Time(group.Key, cells, scratch);
                for (int i = 0; i < cells.Length; i++)
                {
                    results.Add(cells[i], Result(cells[i], counted[i], timed?[i]));
                }
            }
        }
        finally
        {
            scratch.Delete(recursive: true);
        }

        return [.. _cells.Select(cell => results[cell])];
    }

    private ExperimentResult Result((AllocationWay Way, AllocationPattern Pattern) cell, EnclaveEvents events,
        (TimeSpan[] Build, TimeSpan[] Use)? time)
    {
        int used = cell.Pattern.Uses(options.Pages).Count(use => use.First);
        long taken = events.Build[MachineEvent.Eadd] + events.Use[MachineEvent.Eaug] - EnclaveLayout.FixedPages;
        return time is not var (build, use) ? new ExperimentResult(cell.Way, cell.Pattern, used, taken, events, null, null)
            : new ExperimentResult(cell.Way, cell.Pattern, used, taken, events, Median(build), Median(use))
            {
                BuildTimes = build,
                UseTimes = use,
            };
    }

    private IReadOnlyList<EnclaveEvents> Count(Generation generation, (AllocationWay Way, AllocationPattern Pattern)[] cells,
        DirectoryInfo scratch)
    {
        (IReadOnlyList<EnclaveEvents> enclaves, _) = RunProgram(generation, EngineMode.Trap, "counting", cells, scratch);
        return enclaves.Count == cells.Length
            ? enclaves
            : throw new ExperimentException($"the program made {enclaves.Count} enclaves and not {cells.Length}");
    }

    private List<(TimeSpan[] Build, TimeSpan[] Use)> Time(Generation generation, (AllocationWay Way, AllocationPattern Pattern)[] cells,
        DirectoryInfo scratch)
    {
        // The first of each is for the program's runtime to warm up.
        int runs = options.Repeats + 1;
        (_, string[] lines) =
            RunProgram(generation, options.TimedEngine, "timing", [.. cells.SelectMany(cell => Enumerable.Repeat(cell, runs))], scratch);
        var times = new List<(TimeSpan[], TimeSpan[])>();
        for (int i = 0; i < cells.Length; i++)
        {
            long[][] each = [.. lines.Skip(i * runs).Take(runs).Skip(1)
                .Select(line => line.Split(' ').Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray())];
            times.Add(([.. each.Select(time => Nanoseconds(time[0]))], [.. each.Select(time => Nanoseconds(time[1]))]));
        }

        return times;
    }

    private (IReadOnlyList<EnclaveEvents> Enclaves, string[] Lines) RunProgram(
        Generation generation, EngineMode engine, string what, IReadOnlyList<(AllocationWay Way, AllocationPattern Pattern)> cells,
        DirectoryInfo scratch)
    {
        string file = Path.Combine(scratch.FullName, $"{generation.Name()}-{engine}");
        using var tracer = new Tracer(new EngineOptions
        {
            EpcPages = options.EpcPages ?? (options.Pages + (options.Pages / 256) + SparePages),
            Mode = engine,
            Driver = new DriverOptions { Generation = generation },
        });
        var counter = new EventCounter(() => tracer.Driver.Statistics, tracer.Machine.Observer);
        tracer.Machine.Observer = new ProgressObserver(counter, () =>
        {
            (AllocationWay way, AllocationPattern pattern) = cells[Math.Min(counter.Enclaves.Count, cells.Count) - 1];
            OnProgress?.Invoke(_done++, Total, $"{what} {way.Title}, {pattern.Title}");
        });
        _running = tracer;
        ProgramEnd end;
        try
        {
            end = _cancelled
                ? default
                : tracer.Run([.. options.Program, file, options.Pages.ToString(CultureInfo.InvariantCulture),
                    .. cells.Select(cell => $"{cell.Way.Id}:{NameOf(cell.Pattern, scratch)}")]);
        }
        catch (LinuxException) when (_cancelled)
        {
            // Killed while it was just being started.
            throw new OperationCanceledException();
        }
        finally
        {
            _running = null;
        }

        // What a terminal or a shell sends goes to the program as well, which may be gone before this process hears of it.
        if (_cancelled || end.Signal is Signal.SIGINT or Signal.SIGTERM or Signal.SIGHUP or Signal.SIGQUIT)
        {
            throw new OperationCanceledException();
        }

        if (end.ExitStatus != 0)
        {
            throw new ExperimentException(end.Signal is { } signal ? $"the program of the experiment was ended by signal {signal}"
                : $"the program of the experiment failed, exit status {end.ExitStatus}");
        }

        if (options.EpcPages is null && tracer.Driver.Statistics.Evictions > 0)
        {
            throw new ExperimentException("pages were evicted, which spoils the counts");
        }

        return (counter.Enclaves, File.ReadAllLines(file));
    }

    // The program knows patterns by name; of any other it reads the pages in a file.
    private string NameOf(AllocationPattern pattern, DirectoryInfo scratch)
    {
        if (pattern.IsNamed)
        {
            return pattern.Id;
        }

        string file = Path.Combine(scratch.FullName, $"{pattern.Id}.pages");
        if (!File.Exists(file))
        {
            File.WriteAllLines(file, pattern.Uses(options.Pages).Select(use => use.Page.ToString(CultureInfo.InvariantCulture)));
        }

        return AllocationProgram.FileMark + file;
    }

    private static TimeSpan Nanoseconds(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick);

    private static TimeSpan Median(IEnumerable<TimeSpan> times)
    {
        TimeSpan[] sorted = [.. times.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>The experiment could not be made.</summary>
public sealed class ExperimentException(string message) : Exception(message);
