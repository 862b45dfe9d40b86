using System.Xml.Linq;
using Cloister.House.Tests.Rooms;

namespace Cloister.House.Tests;

/// <summary>Who may know whom: docs/explanation/architecture.md has the picture.</summary>
public class ArrowTests
{
    private static readonly Dictionary<string, string[]> s_arrows = new()
    {
        ["Cloister.Architecture"] = [],
        ["Cloister.Processor"] = ["Cloister.Architecture"],
        ["Cloister.Driver"] = ["Cloister.Processor"],
        ["Cloister.Linux"] = [],
        ["Cloister.Engine"] = ["Cloister.Driver", "Cloister.Linux"],
        ["Cloister.Images"] = ["Cloister.Architecture", "Cloister.Processor"],
        ["Cloister.Attestation"] = ["Cloister.Architecture", "Cloister.Processor"],
        ["Cloister.Host"] = ["Cloister.Images", "Cloister.Linux"],
        ["Cloister.Testing"] = ["Cloister.Host"],
        ["Cloister.Lab"] = ["Cloister.Engine", "Cloister.Host"],
        ["Cloister.Cli"] = ["Cloister.Attestation", "Cloister.Engine", "Cloister.Host", "Cloister.Images", "Cloister.Lab"],
    };

    [Fact]
    public void Projects_refer_to_each_other_as_in_the_picture()
    {
        Assert.Equal(s_arrows.Keys.Order(), Repository.Projects);
        Assert.All(s_arrows, arrow => Assert.Equal(arrow.Value, References(arrow.Key)));
    }

    [Fact]
    public void Sources_use_only_what_an_arrow_reaches()
    {
        foreach (string project in Repository.Projects)
        {
            HashSet<string> reached = Reach(project);
            foreach (string file in Repository.Sources(project))
            {
                string code = Repository.Code(File.ReadAllText(file), out _);
                foreach (string other in Repository.Projects.Where(other => !reached.Contains(other)))
                {
                    Assert.False(code.Contains(other + ".", StringComparison.Ordinal)
                        || code.Contains(other + ";", StringComparison.Ordinal), $"{file} uses {other}");
                }
            }
        }
    }

    [Fact]
    public void Compiled_types_use_only_what_an_arrow_reaches() =>
        Assert.Empty(RoomPlan.BetweenProjects((project, other) => Reach(project).Contains(other)));

    [Fact]
    public void The_picture_shows_every_project()
    {
        string picture = File.ReadAllText(Repository.At("docs", "explanation", "architecture.md"));
        Assert.All(Repository.Projects, project => Assert.Contains(project, picture, StringComparison.Ordinal));
    }

    private static HashSet<string> Reach(string project)
    {
        var reached = new HashSet<string> { project };
        foreach (string next in s_arrows[project])
        {
            reached.UnionWith(Reach(next));
        }

        return reached;
    }

    private static IEnumerable<string> References(string project) => XDocument.Load(Repository.At("src", project, project + ".csproj"))
        .Descendants("ProjectReference")
        .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))
        .Order();
}
