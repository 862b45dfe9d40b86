using Cloister.House.Tests.Rooms;

namespace Cloister.House.Tests;

/// <summary>
/// Arrows between the rooms of a project go down, and no circle of types is large: rooms.txt has the order, wrong.txt what is still against
/// it. docs/explanation/architecture.md shows the graph.
/// </summary>
public class RoomTests
{
    private static bool Regenerate => Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1";

    [Fact]
    public void Every_room_has_its_place()
    {
        Assert.Equal(RoomPlan.Rooms, RoomPlan.Order.Order(StringComparer.Ordinal));
        Assert.Equal(Repository.Projects, RoomPlan.Order.Select(TypeGraph.ProjectOf).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void No_arrow_no_circle_and_no_second_name_is_added()
    {
        string[] added = [.. RoomPlan.Wrong.Except(RoomPlan.Listed)];
        Assert.True(added.Length == 0, "These uses go up, these types are in a circle of more than "
            + $"{RoomPlan.LargestCircle}, or these names are of two types:\n{string.Join('\n', added)}\n");
    }

    [Fact]
    public void What_is_mended_leaves_the_list()
    {
        string[] mended = [.. RoomPlan.Listed.Except(RoomPlan.Wrong)];
        if (Regenerate)
        {
            string file = RoomPlan.ListFile("wrong.txt");
            File.WriteAllLines(file, [.. File.ReadLines(file).Where(line => !mended.Contains(line))]);
            return;
        }

        Assert.True(mended.Length == 0,
            "wrong.txt lists what is right now (CLOISTER_REGENERATE=1 takes it out):\n" + string.Join('\n', mended) + '\n');
        Assert.Equal(RoomPlan.Listed.Distinct(), RoomPlan.Listed);
    }

    [Fact]
    public void The_picture_shows_the_graph()
    {
        const string Begin = "<!-- rooms: generated from the compiled types -->\n";
        string file = Repository.At("docs", "explanation", "architecture.md"), text = File.ReadAllText(file);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        Assert.True(begin >= Begin.Length, "docs/explanation/architecture.md has no place for the rooms");
        if (Regenerate)
        {
            text = text[..begin] + RoomPlan.RenderMarkdown();
            File.WriteAllText(file, text);
        }

        Assert.Equal(RoomPlan.RenderMarkdown(), text[begin..]);
    }
}
