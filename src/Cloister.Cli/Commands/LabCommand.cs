using System.CommandLine;
using Cloister.Cli.Lab;
using Cloister.Images;
using Cloister.Lab;
using Cloister.Lab.Costs;
using Cloister.Lab.Program;
using Cloister.Lab.Reports;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister lab</c>: experiments on the machine.</summary>
internal static class LabCommand
{
    private const string Everything = "all";
    private const int MostPages = 1 << 18;

    public static Command Create() => new("lab", "Experiments on the machine: what a design would cost.")
    {
        CreateEdmm(),
        new Command("costs",
            "Print the published costs that `lab edmm` estimates by, with their sources, to be edited: `cloister lab costs > my-costs.json`.") { new OutputOption() }.Acting(_ =>
        {
            Console.Out.Write(CostTable.DefaultText);
            return 0;
        }),
        CreateProgram(),
    };

    private static Command CreateEdmm()
    {
        var pages = new Option<int>("--pages") { Description = "Pages of the range.", HelpName = "N", DefaultValueFactory = _ => 1024 };
        var ways = new Option<string>("--ways")
        {
            Description = "Which ways, with commas between: " + Names(AllocationWay.All.Select(way => way.Id)) + ".",
            HelpName = "LIST",
            DefaultValueFactory = _ => Everything,
        };
        var patterns = new Option<string>("--patterns")
        {
            Description = "Which patterns: " + Names(AllocationPattern.All.Select(pattern => pattern.Id)) + ".",
            HelpName = "LIST",
            DefaultValueFactory = _ => Everything,
        };
        var repeats = new Option<int>("--repeats")
        {
            Description = "Runs for the time here, of which the median counts; 0 leaves the time out.",
            HelpName = "N",
            DefaultValueFactory = _ => 3,
        };
        var costs = new Option<FileInfo?>("--costs")
        {
            Description = "Costs on hardware, as `cloister lab costs` prints them.",
            HelpName = "FILE",
        };
        var svg = new Option<FileInfo?>("--svg") { Description = "Write a chart there.", HelpName = "FILE" };
        var json = new Option<bool>("--json") { Description = "Print JSON instead of tables." };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Show no progress." };
        ways.CompletionSources.Add([Everything, .. AllocationWay.All.Select(way => way.Id)]);
        patterns.CompletionSources.Add([Everything, .. AllocationPattern.All.Select(pattern => pattern.Id)]);
        var command = new Command("edmm", """
            Compare ways to give an enclave its pages: page-fault EAUG, EACCEPT first, MAP_POPULATE, AUGMENT_PAGES, static pages.
            The same accesses are made in each way by a program of Cloister's own, on the machine. Exits, faults, ioctls and leaves
            are counted by the machine, time is measured here, and cycles on hardware are estimated from published costs.

            Examples:
              cloister lab edmm
              cloister lab edmm --pages 4096 --svg edmm.svg
              cloister lab edmm --ways access,accept --patterns tenth --repeats 0
              cloister lab costs > my-costs.json; cloister lab edmm --costs my-costs.json --json > edmm.json
            """)
        {
            pages, ways, patterns, repeats, costs, svg, json, quiet, new OutputOption(),
        };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(pages) is < 1 or > MostPages)
            {
                return Failure.Report($"lab edmm: --pages: from 1 to {MostPages}", Failure.Usage);
            }

            if (parsed.GetValue(repeats) is < 0 or > 1000)
            {
                return Failure.Report("lab edmm: --repeats: from 0 to 1000", Failure.Usage);
            }

            if (Find(parsed.GetValue(ways)!, AllocationWay.All, AllocationWay.Find, out string unknown) is not { } chosenWays)
            {
                return Failure.Report(
                    $"lab edmm: --ways: there is no way {unknown}{Spelling.Advice(unknown, AllocationWay.All.Select(way => way.Id), "there is " + Names(AllocationWay.All.Select(way => way.Id)))}", Failure.Usage);
            }

            if (Find(parsed.GetValue(patterns)!, AllocationPattern.All, AllocationPattern.Find, out unknown) is not { } chosenPatterns)
            {
                return Failure.Report(
                    $"lab edmm: --patterns: there is no pattern {unknown}{Spelling.Advice(unknown, AllocationPattern.All.Select(pattern => pattern.Id), "there is " + Names(AllocationPattern.All.Select(pattern => pattern.Id)))}", Failure.Usage);
            }

            if (ReadCosts(parsed.GetValue(costs), out string? problem) is not { } table)
            {
                return Failure.Report($"lab edmm: --costs {problem}", Failure.Usage);
            }

            var options = new ExperimentOptions
            {
                Pages = parsed.GetValue(pages),
                Repeats = parsed.GetValue(repeats),
                Ways = chosenWays,
                Patterns = chosenPatterns,
                TimedEngine = MachineDefaults.Choose().Engine,
                Program = OwnProgram.OfExperiments,
            };
            return Run(options, table, parsed.GetValue(svg), parsed.GetValue(json), parsed.GetValue(quiet));
        });
        return command;
    }

    // What runs on the machine. It is of no use by hand, and so is not listed.
    private static Command CreateProgram()
    {
        var rest = new Argument<string[]>("arguments");
        var command = new Command(OwnProgram.NameOfExperiments, "The program of `lab edmm`.") { rest };
        command.Hidden = true;
        return command.Acting(parsed => AllocationProgram.Run(parsed.GetValue(rest)!));
    }

    private static int Run(ExperimentOptions options, CostTable costs, FileInfo? svg, bool json, bool quiet)
    {
        using var progress = new LineProgress(quiet);
        var experiment = new Experiment(options) { OnProgress = progress.Report };
        using var interruption = Interruption.Of(experiment.Cancel);

        // A file that cannot be written is told of now and not after a minute.
        string? problem = null;
        using ChartFile? chart = svg is null ? null : ChartFile.Create(svg, out problem);
        if (problem is not null)
        {
            return Failure.Report($"lab edmm: --svg {svg}: {problem}", Failure.InputOutput);
        }

        IReadOnlyList<ExperimentResult> results;
        try
        {
            results = experiment.Run();
        }
        catch (OperationCanceledException)
        {
            return Failing.Interrupted;
        }
        catch (ExperimentException e)
        {
            progress.Dispose();
            return Failure.Report($"lab edmm: {e.Message}", Failure.Internal);
        }

        progress.Dispose();
        chart?.Write(EdmmChart.Draw(results, options.Pages, costs));
        if (json)
        {
            JsonOutput.Print(writer => EdmmJson.Write(writer, results, options.Pages, costs));
        }
        else
        {
            EdmmTables.Write(results, options, costs, Terminal.Output);
        }

        return 0;
    }

    private static CostTable? ReadCosts(FileInfo? file, out string? problem)
    {
        problem = null;
        if (file is null)
        {
            return CostTable.Default;
        }

        try
        {
            CostTable? table = CostTable.Parse(InputFile.Text(file), out problem);
            problem = problem is null ? null : $"{file}: {problem}";
            return table;
        }
        catch (ImageException e)
        {
            problem = e.Message;
            return null;
        }
    }

    private static List<T>? Find<T>(string list, IReadOnlyList<T> every, Func<string, T?> find, out string unknown)
        where T : class
    {
        unknown = "";
        if (list == Everything)
        {
            return [.. every];
        }

        var found = new List<T>();
        foreach (string name in list.Split(','))
        {
            if (find(name.Trim()) is not { } one)
            {
                unknown = name;
                return null;
            }

            if (!found.Contains(one))
            {
                found.Add(one);
            }
        }

        return found;
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names);

    private static Command Acting(this Command command, Func<ParseResult, int> action)
    {
        command.SetAction(action);
        return command;
    }
}
