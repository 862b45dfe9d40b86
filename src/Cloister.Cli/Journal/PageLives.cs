using Cloister.Architecture;

namespace Cloister.Cli.Journal;

/// <summary>
/// The lives of all pages, each kept once: a million pages that were added, measured and accepted have one. What happens again and again,
/// as being written out and loaded, is kept with its number.
/// </summary>
internal sealed class PageLives
{
    /// <summary>The most that is kept of a life.</summary>
    public const int MostEvents = 40;

    /// <summary>The most lives; pages that would need more are told as far as they came.</summary>
    public const int MostLives = 20_000;

    private const int LongestCycle = 4;

    private readonly Dictionary<string, PageLife> _lives = [];

    /// <summary>Nothing happened yet.</summary>
    public PageLife None { get; } = new([], false);

    /// <summary>The life that goes on with something.</summary>
    /// <param name="life">Up to now.</param>
    /// <param name="what">What happened.</param>
    /// <param name="state">What the EPCM has afterwards; null where that was not looked at.</param>
    public PageLife After(PageLife life, string what, SecinfoFlags? state)
    {
        if (life.IsCut)
        {
            return life;
        }

        if (life.Next.TryGetValue((what, state), out PageLife? known))
        {
            return known;
        }

        var events = life.Events.ToList();
        Add(events, what, state is { } seen ? [seen] : []);
        Fold(events);
        PageLife next = events.Count > MostEvents || _lives.Count >= MostLives ? Known(life.Events, isCut: true)
            : Known(events, isCut: false);
        life.Next[(what, state)] = next;
        return next;
    }

    private static void Add(List<LifeEvent> events, string what, IReadOnlyList<SecinfoFlags> states)
    {
        if (events.Count > 0 && events[^1] is var last && last.What == what)
        {
            events[^1] = last with { Times = last.Times + 1, States = Joined(last.States, states) };
            return;
        }

        events.Add(new LifeEvent(what, 1, states));
    }

    // The same two to four once more become one event: (EBLOCK → EWB → ELDU) ×7.
    private static void Fold(List<LifeEvent> events)
    {
        for (int length = 2; length <= LongestCycle && length < events.Count; length++)
        {
            List<LifeEvent> tail = events[^length..];
            string cycle = $"({string.Join(" → ", tail.Select(e => PageLife.Times(e.What, e.Times)))})";
            if (events[^(length + 1)].What == cycle)
            {
                events.RemoveRange(events.Count - length, length);
                IReadOnlyList<SecinfoFlags> all = Joined(events[^1].States, [.. tail.SelectMany(e => e.States)]);
                events[^1] = events[^1] with { Times = events[^1].Times + 1, States = all };
                return;
            }

            if (events.Count >= 2 * length && Enumerable.Range(1, length).All(i => events[^i].What == events[^(i + length)].What
                && events[^i].Times == events[^(i + length)].Times))
            {
                IReadOnlyList<SecinfoFlags> states = [.. events[^(2 * length)..^length].SelectMany(e => e.States)];
                states = Joined(states, [.. tail.SelectMany(e => e.States)]);
                events.RemoveRange(events.Count - (2 * length), 2 * length);
                events.Add(new LifeEvent(cycle, 2, states));
                return;
            }
        }
    }

    // What has been there before adds nothing: a cycle would grow with each turn.
    private static IReadOnlyList<SecinfoFlags> Joined(IReadOnlyList<SecinfoFlags> states, IReadOnlyList<SecinfoFlags> more) =>
        more.All(states.Contains) ? states : [.. states, .. more];

    private PageLife Known(IReadOnlyList<LifeEvent> events, bool isCut)
    {
        string key = string.Join('\n', events.Select(e =>
            $"{e.What}\t{e.Times}\t{string.Join(',', e.States.Select(state => (ulong)state))}")) + (isCut ? "\n" : "");
        if (!_lives.TryGetValue(key, out PageLife? life))
        {
            _lives[key] = life = new PageLife(events, isCut);
        }

        return life;
    }
}
