namespace Cloister.Cli.Tracing;

/// <summary>How the kinds of events and the formats are written in options and traces.</summary>
internal static class TraceNames
{
    private static readonly (string Name, TraceKinds Kinds)[] s_kinds =
    [
        ("ioctl", TraceKinds.Ioctl), ("leaf", TraceKinds.Leaf), ("enclu", TraceKinds.Enclu), ("encls", TraceKinds.Encls),
        ("paging", TraceKinds.Paging), ("fault", TraceKinds.Fault),
        ("exit", TraceKinds.Exit), ("exception", TraceKinds.Exception), ("signal", TraceKinds.Signal), ("mapping", TraceKinds.Mapping),
        ("process", TraceKinds.Process),
        ("fast", TraceKinds.Fast), ("power", TraceKinds.Power), ("order", TraceKinds.Order), ("all", TraceKinds.All),
    ];

    /// <summary>The names that <c>--trace-events</c> knows.</summary>
    public static IReadOnlyList<string> Kinds { get; } = [.. s_kinds.Select(kind => kind.Name)];

    /// <summary>The kinds that stand for no others.</summary>
    public static IEnumerable<TraceKinds> Single => s_kinds.Select(kind => kind.Kinds).Where(kind => (kind & (kind - 1)) == 0);

    /// <summary>The name of one kind.</summary>
    public static string Of(TraceKinds kind)
    {
        foreach ((string name, TraceKinds known) in s_kinds)
        {
            if (known == kind)
            {
                return name;
            }
        }

        return kind.ToString();
    }

    /// <summary>The one kind of a name; null where there is none.</summary>
    public static TraceKinds? KindOf(string name)
    {
        TraceKinds kind = Array.Find(s_kinds, one => one.Name == name).Kinds;
        return kind != TraceKinds.None && (kind & (kind - 1)) == 0 ? kind : null;
    }

    /// <summary>Reads names with commas between them.</summary>
    /// <param name="text">The names.</param>
    /// <param name="strange">The first that is none, or null.</param>
    public static TraceKinds Parse(string text, out string? strange)
    {
        strange = null;
        TraceKinds kinds = TraceKinds.None;
        foreach (string word in text.Split(','))
        {
            TraceKinds found = Array.Find(s_kinds, kind => kind.Name == word).Kinds;
            if (found == TraceKinds.None)
            {
                strange = word;
            }

            kinds |= found;
        }

        return kinds;
    }

    /// <summary>The format that a file's name asks for.</summary>
    public static TraceFileFormat FormatOf(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".JSON" or ".PERFETTO" => TraceFileFormat.Chrome,
        ".JSONL" or ".NDJSON" => TraceFileFormat.JsonLines,
        _ => TraceFileFormat.Text,
    };
}
