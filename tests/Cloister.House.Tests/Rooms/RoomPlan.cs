using System.Text;

namespace Cloister.House.Tests.Rooms;

/// <summary>The order of the rooms (rooms.txt) and what is still against it (wrong.txt), beside what the compiled types say.</summary>
internal static class RoomPlan
{
    /// <summary>Types that may use each other in a circle; more hold each other up.</summary>
    public const int LargestCircle = 4;

    private static readonly TypeGraph s_graph = TypeGraph.Built;

    /// <summary>A list of the tests' own.</summary>
    public static string ListFile(string name) => Repository.At("tests", "Cloister.House.Tests", name);

    /// <summary>The rooms that there are.</summary>
    public static IReadOnlyList<string> Rooms { get; } = [.. s_graph.Types.Select(s_graph.RoomOf).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The rooms as rooms.txt lists them: of each project the upper ones first.</summary>
    public static IReadOnlyList<string> Order { get; } = [.. Lines("rooms.txt")];

    private static readonly Dictionary<string, int> s_places = Order.Index().ToDictionary(at => at.Item, at => at.Index);

    /// <summary>What wrong.txt lists.</summary>
    public static IReadOnlyList<string> Listed { get; } = [.. Lines("wrong.txt")];

    /// <summary>
    /// What is wrong now: arrows of types from a room to one above it, types in a circle of too many, and names of more than one type.
    /// </summary>
    public static IReadOnlyList<string> Wrong { get; } = [.. UpwardArrows().Concat(InCircles()).Concat(NamesTwice())];

    /// <summary>The rooms and what each uses of its own project, as docs/explanation/architecture.md shows them.</summary>
    public static string RenderMarkdown()
    {
        var text = new StringBuilder();
        foreach (IGrouping<string, string> project in Order.GroupBy(TypeGraph.ProjectOf))
        {
            text.Append("\n### ").Append(project.Key).Append("\n\n| room | uses |\n|---|---|\n");
            foreach (string room in project)
            {
                IEnumerable<string> uses = s_graph.Types.Where(type => s_graph.RoomOf(type) == room).SelectMany(s_graph.UsedBy)
                    .Select(s_graph.RoomOf).Distinct()
                    .Where(other => other != room && TypeGraph.ProjectOf(other) == project.Key)
                    .OrderBy(other => IndexOf(other))
                    .Select(other => IndexOf(other) < IndexOf(room) ? "**" + Name(other) + "**" : Name(other));
                text.Append($"| {Name(room)} | {string.Join(", ", uses)} |\n");
            }
        }

        return text.ToString();
    }

    /// <summary>What types use of projects that none of their project's arrows reaches.</summary>
    /// <param name="reaches">Whether the first project may know the second.</param>
    public static IEnumerable<string> BetweenProjects(Func<string, string, bool> reaches) =>
        from type in s_graph.Types
        from used in s_graph.UsedBy(type)
        where !reaches(TypeGraph.ProjectOf(s_graph.RoomOf(type)), TypeGraph.ProjectOf(s_graph.RoomOf(used)))
        select $"{type} -> {used}";

    private static string Name(string room) => room.Contains('/', StringComparison.Ordinal)
        ? room[(room.IndexOf('/', StringComparison.Ordinal) + 1)..] : "(root)";

    private static IEnumerable<string> UpwardArrows() =>
        from type in s_graph.Types
        from used in s_graph.UsedBy(type)
        where TypeGraph.ProjectOf(s_graph.RoomOf(type)) == TypeGraph.ProjectOf(s_graph.RoomOf(used))
        where IndexOf(s_graph.RoomOf(used)) < IndexOf(s_graph.RoomOf(type))
        select $"arrow {type} -> {used}";

    private static IEnumerable<string> InCircles() =>
        from circle in Circles.Of(s_graph.Types, s_graph.UsedBy)
        where circle.Count > LargestCircle
        from type in circle
        select $"circle {type}";

    private static IEnumerable<string> NamesTwice() =>
        from type in s_graph.Types
        group type by type[(type.LastIndexOf('.') + 1)..].Split('`')[0] into named
        where named.Count() > 1
        select $"name {named.Key}";

    private static int IndexOf(string room) => s_places.GetValueOrDefault(room, int.MaxValue);

    private static IEnumerable<string> Lines(string name) =>
        File.ReadLines(ListFile(name)).Where(line => line.Length > 0 && line[0] != '#');
}
