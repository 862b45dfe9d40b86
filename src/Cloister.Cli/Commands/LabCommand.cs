using System.CommandLine;
using Cloister.Architecture;
using Cloister.Cli.Lab;
using Cloister.Cli.Reporting;
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

    // What the driver keeps free, and what an enclave needs at once.
    private const int LeastEpcPages = 256;

    public static Command Create() => new("lab", "Experiments on the machine: what a design would cost.")
    {
        CreateEdmm(),
        CreateCompare(),
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
        var trace = new Option<FileInfo?>("--trace")
        {
            Description = "The pages that a program of yours used, in place of patterns: a trace of JSON lines, as `cloister run --trace FILE.jsonl` writes it.",
            HelpName = "FILE",
        };
        var enclave = new Option<ulong?>("--enclave")
        {
            Description = "Which enclave of the trace. Default: the one that used pages most often.",
            HelpName = "ID",
        };
        var epc = new Option<string?>("--epc")
        {
            Description = "Size of the EPC, at least 1M. Default: so large that nothing is evicted.",
            HelpName = "SIZE",
        };
        var seed = new Option<uint>("--seed")
        {
            Description = "Other places for the pattern random.",
            HelpName = "N",
            DefaultValueFactory = _ => AllocationPattern.DefaultSeed,
        };
        var csv = new Option<bool>("--csv") { Description = "Print comma-separated values instead of tables." };
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
              cloister run --trace trace.jsonl -- ./my-program; cloister lab edmm --trace trace.jsonl --epc 4M --csv
            """)
        {
            pages, ways, patterns, trace, enclave, epc, seed, repeats, costs, svg, json, csv, quiet, new OutputOption(),
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

            if (parsed.GetValue(json) && parsed.GetValue(csv))
            {
                return Failure.Report("lab edmm: --json and --csv are two", Failure.Usage);
            }

            if (parsed.GetValue(seed) == 0)
            {
                return Failure.Report("lab edmm: --seed: from 1 on", Failure.Usage);
            }

            int? epcPages = null;
            if (parsed.GetValue(epc) is { } size)
            {
                if (!SizeText.TryParse(size, out long bytes) || bytes / LinearAddress.PageSize is < LeastEpcPages or > MostPages * 4L)
                {
                    return Failure.Report("lab edmm: --epc: a size from 1M to 4G, such as 64M", Failure.Usage);
                }

                epcPages = (int)(bytes / LinearAddress.PageSize);
            }

            int range = parsed.GetValue(pages);
            chosenPatterns = [.. chosenPatterns.Select(pattern => pattern.WithSeed(parsed.GetValue(seed)))];
            if (parsed.GetValue(trace) is { } traced)
            {
                AllocationPattern? pattern = null;
                int status = Failing.Guard(traced.ToString(), () =>
                {
                    pattern = PatternOf(traced, parsed.GetValue(enclave));
                    return 0;
                });
                if (pattern is null)
                {
                    return status;
                }

                int used = pattern.Uses(MostPages).Max(use => use.Page) + 1;
                if (parsed.GetResult(pages) is { Implicit: false } && used > range)
                {
                    return Failure.Report($"lab edmm: --pages: the trace uses {used}", Failure.Usage);
                }

                range = parsed.GetResult(pages) is { Implicit: false } ? range : used;
                chosenPatterns = parsed.GetResult(patterns) is { Implicit: false } ? [pattern, .. chosenPatterns] : [pattern];
            }
            else if (parsed.GetValue(enclave) is not null)
            {
                return Failure.Report("lab edmm: --enclave is for --trace", Failure.Usage);
            }

            var options = new ExperimentOptions
            {
                Pages = range,
                EpcPages = epcPages,
                Repeats = parsed.GetValue(repeats),
                Ways = chosenWays,
                Patterns = chosenPatterns,
                TimedEngine = MachineDefaults.Choose().Engine,
                Program = OwnProgram.OfExperiments,
            };
            return Run(options, table, parsed.GetValue(svg), parsed.GetValue(json), parsed.GetValue(csv), parsed.GetValue(quiet));
        });
        return command;
    }

    private static Command CreateCompare()
    {
        var first = new Argument<FileInfo>("FIRST") { Description = "What `cloister lab edmm --json` printed." };
        var second = new Argument<FileInfo>("SECOND") { Description = "Another." };
        var command = new Command("compare", """
            Compare two results of `lab edmm --json`: of two programs, two sizes of EPC or two versions of Cloister.
            It lists what was counted otherwise, and says of times whether they differ by more than repeats do.

            Example:
              cloister lab edmm --json > before.json; cloister lab edmm --epc 4M --json > after.json
              cloister lab compare before.json after.json
            """) { first, second, new OutputOption() };
        command.SetAction(parsed => Failing.Guard(parsed.GetValue(first)!.ToString(), () =>
        {
            EdmmFile one = EdmmFile.Read(parsed.GetValue(first)!);
            return Failing.Guard(parsed.GetValue(second)!.ToString(), () =>
            {
                EdmmComparison.Write(one, EdmmFile.Read(parsed.GetValue(second)!), Terminal.Output);
                return 0;
            });
        }));
        return command;
    }

    private static AllocationPattern PatternOf(FileInfo trace, ulong? enclave)
    {
        var uses = new TracedUses();
        using (FileStream stream = File.OpenRead(InputFile.Ordinary(trace)))
        {
            TraceReader.Read(stream, uses, CancellationToken.None);
        }

        ulong chosen = enclave ?? (uses.Enclaves is [var most, ..] ? most : 0);
        (IReadOnlyList<int> pages, string what) = uses.Of(chosen);
        if (pages.Count == 0)
        {
            throw new ImageException(enclave is null ? "no enclave of the trace used a page that a fault tells of"
                : uses.Enclaves.Count == 0 ? $"enclave {enclave} used no page that a fault tells of; no other did either"
                : $"enclave {enclave} used no page that a fault tells of; {string.Join(", ", uses.Enclaves.Take(10))} did");
        }

        return pages.Max() < MostPages ? AllocationPattern.Of(what, pages)
            : throw new ImageException($"enclave {chosen} used pages across {pages.Max() + 1:#,0}; {MostPages:#,0} are the most");
    }

    // What runs on the machine. It is of no use by hand, and so is not listed.
    private static Command CreateProgram()
    {
        var rest = new Argument<string[]>("arguments");
        var command = new Command(OwnProgram.NameOfExperiments, "The program of `lab edmm`.") { rest };
        command.Hidden = true;
        return command.Acting(parsed => AllocationProgram.Run(parsed.GetValue(rest)!));
    }

    private static int Run(ExperimentOptions options, CostTable costs, FileInfo? svg, bool json, bool csv, bool quiet)
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
            JsonOutput.Print(writer => EdmmJson.Write(writer, results, options.Pages, costs, options.EpcPages));
        }
        else if (csv)
        {
            EdmmCsv.Write(Console.Out, results, options.Pages, costs, options.EpcPages);
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
