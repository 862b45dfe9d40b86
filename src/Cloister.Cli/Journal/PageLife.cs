using Cloister.Architecture;

namespace Cloister.Cli.Journal;

/// <summary>What happened to a page, from its first leaf to its last. Pages to which the same happened share it.</summary>
internal sealed class PageLife
{
    private readonly Dictionary<(string What, SecinfoFlags? State), PageLife> _next = [];

    /// <summary>Makes one.</summary>
    /// <param name="events">What happened.</param>
    /// <param name="isCut">Whether more happened than is kept.</param>
    public PageLife(IReadOnlyList<LifeEvent> events, bool isCut) => (Events, IsCut) = (events, isCut);

    /// <summary>What happened, in its order.</summary>
    public IReadOnlyList<LifeEvent> Events { get; }

    /// <summary>Whether more happened than is kept.</summary>
    public bool IsCut { get; }

    /// <summary>Lives that go on from this one, by what happens.</summary>
    public IDictionary<(string What, SecinfoFlags? State), PageLife> Next => _next;

    /// <summary>The events as text.</summary>
    public string Text => string.Join(" → ", Events.Select(e => Times(e.What, e.Times)).Concat(IsCut ? ["..."] : []));

    /// <summary>The types in their order.</summary>
    public string Types => string.Join(" → ", Different(state => MachineNames.Of((PageType)(((ulong)state >> 8) & 0xff))["PT_".Length..]));

    /// <summary>Permissions and states in their order.</summary>
    public string States => string.Join(" → ", Different(TextOf));

    /// <summary>Something, and how often.</summary>
    public static string Times(string what, long times) => times == 1 ? what : $"{what} ×{times}";

    private static string TextOf(SecinfoFlags state)
    {
        string text = MachineNames.Permissions((int)(state & SecinfoFlags.PermissionMask));
        foreach ((SecinfoFlags bit, string word) in ((SecinfoFlags, string)[])[(SecinfoFlags.Pending, "pending"),
            (SecinfoFlags.Modified, "modified"), (SecinfoFlags.Pr, "restricted")])
        {
            text += state.HasFlag(bit) ? " " + word : "";
        }

        return text;
    }

    private List<string> Different(Func<SecinfoFlags, string> text)
    {
        var different = new List<string>();
        foreach (SecinfoFlags state in Events.SelectMany(e => e.States))
        {
            string one = text(state);
            if (different.Count == 0 || different[^1] != one)
            {
                different.Add(one);
            }
        }

        return different;
    }
}
