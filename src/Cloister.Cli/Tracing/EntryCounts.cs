namespace Cloister.Cli.Tracing;

/// <summary>How often threads came in and went out.</summary>
internal sealed class EntryCounts
{
    /// <summary>EENTERs at which a thread stopped.</summary>
    public long Entries { get; set; }

    /// <summary>EENTERs without a stop.</summary>
    public long FastEntries { get; set; }

    /// <summary>ERESUMEs, with or without a stop.</summary>
    public long Resumptions { get; set; }

    /// <summary>EEXITs, with or without a stop.</summary>
    public long Exits { get; set; }

    /// <summary>Asynchronous exits by cause: an exception's name, or interrupt.</summary>
    public SortedDictionary<string, long> Aex { get; } = new(StringComparer.Ordinal);

    /// <summary>Counts an event, if it is one of these.</summary>
    public void Add(in TraceEvent e)
    {
        switch (e.Kind, e.Name)
        {
            case (TraceKinds.Enclu, "EENTER") when e.Outcome == "0": Entries += e.Count; break;
            case (TraceKinds.Fast, "EENTER"): FastEntries += e.Count; break;
            case (TraceKinds.Enclu, "ERESUME") when e.Outcome == "0": Resumptions += e.Count; break;
            case (TraceKinds.Fast, "ERESUME"): Resumptions += e.Count; break;
            case (TraceKinds.Enclu, "EEXIT") when e.Outcome == "0": Exits += e.Count; break;
            case (TraceKinds.Fast, "EEXIT"): Exits += e.Count; break;
            case (TraceKinds.Exit, _): Aex[e.Detail ?? "?"] = Aex.GetValueOrDefault(e.Detail ?? "?") + 1; break;
        }
    }
}
