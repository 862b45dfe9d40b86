namespace Cloister.House.Tests.Rooms;

/// <summary>Finds what can be reached from itself: the strongly connected parts of a graph (Tarjan, 1972).</summary>
internal sealed class Circles
{
    private readonly Func<string, IEnumerable<string>> _uses;
    private readonly Dictionary<string, int> _number = [], _lowest = [];
    private readonly Stack<string> _open = [];
    private readonly HashSet<string> _isOpen = [];
    private readonly List<IReadOnlyList<string>> _found = [];

    private Circles(Func<string, IEnumerable<string>> uses) => _uses = uses;

    /// <summary>The circles of two and more, the largest first, each in order.</summary>
    /// <param name="nodes">Where to look.</param>
    /// <param name="uses">What a node leads to; all of it is among the nodes.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Of(IEnumerable<string> nodes, Func<string, IEnumerable<string>> uses)
    {
        var search = new Circles(uses);
        foreach (string node in nodes)
        {
            if (!search._number.ContainsKey(node))
            {
                search.Visit(node);
            }
        }

        return [.. search._found.OrderByDescending(circle => circle.Count).ThenBy(circle => circle[0], StringComparer.Ordinal)];
    }

    private void Visit(string node)
    {
        _number[node] = _lowest[node] = _number.Count;
        _open.Push(node);
        _isOpen.Add(node);
        foreach (string next in _uses(node))
        {
            if (!_number.TryGetValue(next, out int number))
            {
                Visit(next);
                _lowest[node] = Math.Min(_lowest[node], _lowest[next]);
            }
            else if (_isOpen.Contains(next))
            {
                _lowest[node] = Math.Min(_lowest[node], number);
            }
        }

        if (_lowest[node] == _number[node])
        {
            Close(node);
        }
    }

    private void Close(string root)
    {
        var circle = new List<string>();
        string node;
        do
        {
            node = _open.Pop();
            _isOpen.Remove(node);
            circle.Add(node);
        }
        while (node != root);

        if (circle.Count > 1)
        {
            circle.Sort(StringComparer.Ordinal);
            _found.Add(circle);
        }
    }
}
