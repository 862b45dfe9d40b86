using System.CommandLine;
using Cloister.Cli.Kernel;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister races</c>: in which orders threads can run in the kernel's SGX driver, and what goes wrong in some.</summary>
internal static class RacesCommand
{
    public static Command Create()
    {
        var tree = new Option<string>("--tree")
        {
            HelpName = "TREE",
            Description = "A kernel tree, or 6.12 or 6.1 for Debian's package linux-source-6.12 or linux-source-6.1.",
            DefaultValueFactory = _ => "6.12",
        };
        var scenario = new Option<string[]>("--scenario")
        {
            HelpName = "NAME",
            Description = "Only this one; may be there several times. Default: all.",
            DefaultValueFactory = _ => [],
        };
        var bound = new Option<int?>("--bound")
        {
            HelpName = "0|1|2",
            Description = "Every schedule with so many preemptions at most. Default: 2, and 1 where a scenario has many steps.",
        };
        var random = new Option<ulong?>("--random") { HelpName = "SEED", Description = "The seed of the schedules at random. Default: 0." };
        var schedules = new Option<int?>("--schedules")
        {
            HelpName = "NUMBER",
            Description = "How many schedules at random for each scenario. Default: 300.",
        };
        var accesses = new Option<bool>("--accesses")
        {
            Description = "Let threads take turns at each access to memory too, and not only at calls. Steps are numbered anew.",
        };
        var brief = new Option<bool>("--brief") { Description = "Without the steps of what was found." };
        var list = new Option<bool>("--list") { Description = "List the scenarios." };
        var replay = new Option<string?>("--replay")
        {
            HelpName = "SCHEDULE",
            Description = "Run this one, as a finding names it, and print its steps.",
        };
        bound.CompletionSources.Add("0", "1", "2");
        var command = new Command("races", """
            Explore in which orders threads can run in the Linux kernel's SGX driver, and print those in which something goes wrong:
            a SIGBUS that no order one after another gives, an entry of a page table that shows nobody's page, EPC that never comes back, a WARN,
            a crash, a deadlock. Each is told step by step in the kernel's own functions, and can be replayed.
            Exit status: 0 when nothing was found, 1 when something was. The same arguments give the same output.

            Examples:
              cloister races --brief
              cloister races --tree ~/linux --scenario fault-fault
              cloister races --replay remove-fault:19=toucher
            """)
        { tree, scenario, bound, random, schedules, accesses, brief, list, replay };
        command.SetAction(parsed => DriverCommand.Guard("races", cancellation =>
        {
            List<string> arguments = [.. parsed.GetValue(scenario)!.SelectMany(name => (string[])["--scenario", name])];
            Add("--bound", parsed.GetValue(bound), value => value is >= 0 and <= 2);
            Add("--random", parsed.GetValue(random), _ => true);
            Add("--schedules", parsed.GetValue(schedules), value => value >= 0);
            Add("--replay", parsed.GetValue(replay), value => value.Length > 0);
            arguments.AddRange(parsed.GetValue(brief) ? ["--brief"] : []);
            return Run(KernelTree.Find(parsed.GetValue(tree)!, cancellation), parsed.GetValue(list) ? ["--list"]
                : arguments, parsed.GetValue(accesses), cancellation);

            void Add<T>(string name, T? value, Func<T, bool> isRight)
            {
                if (value is not null)
                {
                    arguments.AddRange(isRight(value) ? [name, $"{value}"]
                        : throw new KernelProblem($"{name} {value}: there is no such value", Failure.Usage));
                }
            }
        }));
        return command;
    }

    private static int Run(KernelTree tree, IEnumerable<string> arguments, bool accesses, CancellationToken cancellation)
    {
        string place = Directory.CreateTempSubdirectory("cloister-races-").FullName;
        try
        {
            string program = Path.Combine(place, "races");
            DriverBuild.Races(tree, program, accesses, cancellation);
            return Tool.Run(program, arguments, cancellation);
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }
}
