using Cloister.Cli.Tracing;

namespace Cloister.Cli.Reporting;

/// <summary>
/// A trace in as much memory as a page can show: what `--stats` sums up by the same rules, and what happened when, where and how.
/// </summary>
internal sealed class TraceDigest : ITraceTaker
{
    private const int MostPages = 1_000_000, MostReasons = 10_000, MostThreads = 48, MostEnclaves = 12;

    private readonly TraceKinds _summed;
    private readonly Dictionary<TraceKinds, long[]> _kinds = [];
    private readonly Dictionary<(int Process, int Thread), long[]> _threads = [];
    private readonly Dictionary<ulong, EpcLevel> _epc = [];
    private readonly Dictionary<(ulong Enclave, ulong Page), PageHeat> _pages = [];
    private readonly Dictionary<(TraceKinds Kind, string Name, string How, (PageState State, bool IsOutside) Page), Reason> _reasons = [];
    private readonly Dictionary<ulong, EnclaveMap> _maps = [];
    private readonly Dictionary<int, (ulong Enclave, ulong Address)> _exits = []; // the last by #PF, by thread
    private EpcLevel? _arrays, _others;

    public TraceDigest() => _summed = Summary.Kinds;

    /// <summary>What `--stats` would say.</summary>
    public RunSummary Summary { get; } = new();

    /// <summary>The parts of time.</summary>
    public TimeBins Bins { get; } = new();

    /// <summary>What run it was.</summary>
    public TraceHeader? Header { get; private set; }

    /// <summary>When the last thing happened that is known of, in nanoseconds.</summary>
    public long Last { get; private set; }

    /// <summary>How the program ended; null where the trace does not say.</summary>
    public (int? ExitStatus, int? Signal)? Ended { get; private set; }

    /// <summary>Events.</summary>
    public long Events { get; private set; }

    /// <summary>Whether pages were left out.</summary>
    public bool HasMorePages { get; private set; }

    /// <summary>By kind.</summary>
    public IReadOnlyList<(string Name, long[] Values)> Kinds =>
        [.. _kinds.OrderBy(kind => kind.Key).Select(kind => (TraceNames.Of(kind.Key), kind.Value))];

    /// <summary>By thread, the busiest.</summary>
    public IReadOnlyList<(string Name, long[] Values)> Threads =>
        [.. _threads.OrderBy(thread => thread.Key)
            .Select(thread => (thread.Key.Thread == 0 ? "driver" : $"{thread.Key.Thread}", thread.Value))];

    /// <summary>EPC pages by enclave, and those of version arrays.</summary>
    public IEnumerable<EpcLevel> Epc => _epc.OrderBy(one => one.Key).Select(one => one.Value)
        .Concat(new[] { _others, _arrays }.OfType<EpcLevel>());

    /// <summary>Whether there were more enclaves than <see cref="Maps"/> has.</summary>
    public bool EnclavesLeftOut { get; private set; }

    /// <summary>What became of enclaves' pages, of the first enclaves.</summary>
    public IReadOnlyList<EnclaveMap> Maps => [.. _maps.Values.OrderBy(map => map.Enclave)];

    /// <summary>The pages that most was about.</summary>
    public IEnumerable<PageHeat> Hottest => _pages.Values.OrderByDescending(page => page.All).ThenBy(page => page.Enclave)
        .ThenBy(page => page.Address);

    /// <summary>What ended how.</summary>
    public IEnumerable<Reason> Reasons => _reasons.Values;

    public void Begin(TraceHeader header) => Header = header;

    public void End(long time, int? exitStatus, int? signal) => (Last, Ended) = (Math.Max(Last, time), (exitStatus, signal));

    /// <summary>One more.</summary>
    public void Take(in TraceEvent e)
    {
        Events++;
        Last = Math.Max(Last, e.Time);
        int part = Bins.Of(e.Time);
        Row(_kinds, e.Kind)[part] += e.Count;
        if (_threads.Count < MostThreads || _threads.ContainsKey((e.Process, e.Thread)))
        {
            Row(_threads, (e.Process, e.Thread))[part] += e.Count;
        }

        if ((_summed & e.Kind) != 0)
        {
            Summary.Take(in e);
        }

        (EnclaveMap? map, ulong address) = About(in e);
        PageState state = map is null ? PageState.None : map.StateOf(address);
        if (e.Kind is TraceKinds.Encls or TraceKinds.Paging && e.Outcome == "0")
        {
            Page(in e);
            MapOf(e.Enclave)?.Take(in e);
        }
        else if (e is { Kind: TraceKinds.Enclu, Outcome: "0" })
        {
            map?.Take(in e);
        }
        else if (e.Kind == TraceKinds.Power)
        {
            LosePower(e.Time);
        }
        else if (e.Kind == TraceKinds.Fault)
        {
            Heat(in e, static heat => heat.Faults++);
        }
        else if (e is { Kind: TraceKinds.Exit, Detail: "#PF" })
        {
            Heat(in e, static heat => heat.Exits++);
            if (_exits.Count < MostReasons || _exits.ContainsKey(e.Thread))
            {
                _exits[e.Thread] = (e.Enclave, e.Address);
            }
        }

        if (How(in e) is { } how)
        {
            bool isFailure = Reason.IsFailureOf(e.Kind, how);
            (TraceKinds Kind, string Name, string How, (PageState State, bool IsOutside) Page) key =
                (e.Kind, e.Name, how, isFailure ? (state, map?.Contains(address) == false) : default);
            if (_reasons.TryGetValue(key, out Reason? reason))
            {
                reason.Count += e.Count;
            }
            else if (_reasons.Count < MostReasons)
            {
                _reasons[key] = new Reason
                {
                    Kind = TraceNames.Of(e.Kind),
                    Name = e.Name,
                    How = how,
                    Count = e.Count,
                    First = e.Time,
                    Thread = e.Thread,
                    Enclave = e.Enclave != 0 ? e.Enclave : map?.Enclave ?? 0,
                    IsFailure = isFailure,
                    Page = map is null || !isFailure ? null : (address - map.Base, map.Contains(address), state),
                };
            }
        }
    }

    // The page that it is about. The exception is told without its enclave, and its exit just before with it.
    private (EnclaveMap? Map, ulong Address) About(in TraceEvent e) => e.Kind switch
    {
        TraceKinds.Encls or TraceKinds.Paging or TraceKinds.Fault => (_maps.GetValueOrDefault(e.Enclave), e.Address),
        TraceKinds.Enclu when EnclaveMap.LeafOf(e.Name) is not null => (_maps.GetValueOrDefault(e.Enclave), e.Address),
        TraceKinds.Exception when e.Name == "#PF" && _exits.TryGetValue(e.Thread, out (ulong Enclave, ulong Address) exit)
            && exit.Address >> 12 == e.Address >> 12 => (_maps.GetValueOrDefault(exit.Enclave), e.Address),
        _ => (null, 0),
    };

    private EnclaveMap? MapOf(ulong enclave)
    {
        if (enclave == 0 || _maps.TryGetValue(enclave, out EnclaveMap? map))
        {
            return enclave == 0 ? null : _maps[enclave];
        }

        EnclavesLeftOut |= _maps.Count >= MostEnclaves;
        return _maps.Count < MostEnclaves ? _maps[enclave] = new EnclaveMap(enclave) : null;
    }

    private void LosePower(long time)
    {
        foreach (EpcLevel level in Epc)
        {
            level.Change(time, -level.Pages);
        }

        foreach (EnclaveMap map in _maps.Values)
        {
            map.LosePower(time);
        }
    }

    private static string? How(in TraceEvent e) => e.Kind switch
    {
        TraceKinds.Exit or TraceKinds.Process => e.Detail,
        TraceKinds.Fault => $"{e.Detail}, {e.Outcome}",
        TraceKinds.Signal => "",
        TraceKinds.Order => e.Detail ?? "",
        TraceKinds.Fast or TraceKinds.Power => null,
        _ => e.Outcome,
    };

    private long[] Row<T>(Dictionary<T, long[]> rows, T key)
        where T : notnull
    {
        if (!rows.TryGetValue(key, out long[]? row))
        {
            rows[key] = row = Bins.AddSums();
        }

        return row;
    }

    private void Page(in TraceEvent e)
    {
        switch (e.Name)
        {
            case "ECREATE" or "EADD" or "EAUG": Level(in e).Change(e.Time, 1); break;
            case "ELDU" or "ELDB" or "ELDUC" or "ELDBC":
                Level(in e).Change(e.Time, 1);
                Heat(in e, static heat => heat.Loads++);
                break;
            case "EWB":
                Level(in e).Change(e.Time, -1);
                Heat(in e, static heat => heat.Evictions++);
                break;
            case "EREMOVE": Level(in e).Change(e.Time, -1); break;
            case "EPA": Level(in e).Change(e.Time, 1); break;
        }
    }

    // A page of no enclave is one of a version array: SDM 3D, EPA.
    private EpcLevel Level(in TraceEvent e)
    {
        if (e.Enclave == 0)
        {
            return _arrays ??= new EpcLevel("version arrays", Bins);
        }

        if (!_epc.TryGetValue(e.Enclave, out EpcLevel? level))
        {
            level = _epc.Count < MostEnclaves ? _epc[e.Enclave] = new EpcLevel($"enclave {e.Enclave}", Bins)
                : _others ??= new EpcLevel("other enclaves", Bins);
        }

        return level;
    }

    private void Heat(in TraceEvent e, Action<PageHeat> count)
    {
        (ulong, ulong) page = (e.Enclave, e.Address & ~0xffful);
        if (e.Address == 0 || e.Enclave == 0)
        {
            return;
        }

        if (!_pages.TryGetValue(page, out PageHeat? heat))
        {
            if (_pages.Count >= MostPages)
            {
                HasMorePages = true;
                return;
            }

            _pages[page] = heat = new PageHeat { Enclave = page.Item1, Address = page.Item2 };
        }

        count(heat);
    }
}
