using Cloister.Architecture;

namespace Cloister.Cli.Demo;

/// <summary>What happened to one page of an enclave, from its first leaf to its last.</summary>
internal sealed class PageHistory(LinearAddress address)
{
    private readonly List<(string What, int Times)> _events = [];
    private readonly List<PageType> _types = [];
    private readonly List<SecinfoFlags> _states = [];
    private readonly SortedDictionary<EncluLeaf, int> _crossings = [];

    /// <summary>Where it is; 0 for pages that have no address.</summary>
    public LinearAddress Address { get; } = address;

    /// <summary>The leaves in their order, equal ones that follow each other with their number.</summary>
    public string Events => string.Join(" → ", _events.Select(e => Times(e.What, e.Times)));

    /// <summary>The same, one by one.</summary>
    public IReadOnlyList<(string What, int Times)> EventList => _events;

    /// <summary>The types in their order.</summary>
    public string Types => string.Join(" → ", _types.Select(type => type switch
    {
        PageType.SsFirst => "SS_FIRST",
        PageType.SsRest => "SS_REST",
        _ => type.ToString().ToUpperInvariant(),
    }));

    /// <summary>Permissions and states in their order.</summary>
    public string States => string.Join(" → ", _states.Select(Text));

    /// <summary>For a TCS how often its border was crossed, asynchronous exits counted by <see cref="Exits"/>.</summary>
    public IReadOnlyDictionary<EncluLeaf, int> Crossings => _crossings;

    /// <summary>For a TCS its asynchronous exits.</summary>
    public int Exits { get; set; }

    public void Add(string what)
    {
        if (_events.Count > 0 && _events[^1].What == what)
        {
            _events[^1] = (what, _events[^1].Times + 1);
            return;
        }

        _events.Add((what, 1));
    }

    public void Became(PageType type, SecinfoFlags state)
    {
        if (_types.Count == 0 || _types[^1] != type)
        {
            _types.Add(type);
        }

        // The type has a column of its own.
        state &= ~SecinfoFlags.PageTypeMask;
        if (_states.Count == 0 || _states[^1] != state)
        {
            _states.Add(state);
        }
    }

    public void Crossed(EncluLeaf leaf) => _crossings[leaf] = _crossings.GetValueOrDefault(leaf) + 1;

    public static string Times(string what, int times) => times == 1 ? what : $"{what} ×{times}";

    private static string Text(SecinfoFlags state)
    {
        char Bit(SecinfoFlags bit, char letter) => state.HasFlag(bit) ? letter : '-';
        string text = $"{Bit(SecinfoFlags.R, 'r')}{Bit(SecinfoFlags.W, 'w')}{Bit(SecinfoFlags.X, 'x')}";
        foreach ((SecinfoFlags bit, string word) in ((SecinfoFlags, string)[])[(SecinfoFlags.Pending, "pending"),
            (SecinfoFlags.Modified, "modified"), (SecinfoFlags.Pr, "restricted")])
        {
            text += state.HasFlag(bit) ? " " + word : "";
        }

        return text;
    }
}
