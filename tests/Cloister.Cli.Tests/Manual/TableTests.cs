using Cloister.Cli.Commands;
using Cloister.Cli.Manual;
using Cloister.Cli.Running;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Manual;

/// <summary>What is made from the table of options says all that is in it.</summary>
public class TableTests
{
    private static readonly CommandEntry s_root = CommandEntry.Of(CommandLine.Root());

    public static TheoryData<string, string> Pages => new()
    {
        { "options.md", ReferencePages.Options(s_root) },
        { "metrics.md", ReferencePages.Metrics() },
        { "exit-status.md", ReferencePages.ExitStatus() },
        { "environment.md", ReferencePages.Environment() },
    };

    [Theory]
    [MemberData(nameof(Pages))]
    public void The_reference_is_what_the_table_says(string name, string expected)
    {
        string file = Repository.At("docs", "reference", name);
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            File.WriteAllText(file, expected);
        }

        Assert.Equal(expected, File.ReadAllText(file));
    }

    [Fact]
    public void Every_option_of_run_is_in_the_table_and_the_other_way_round()
    {
        CommandEntry run = Assert.Single(s_root.All, command => command.Path == "run");
        Assert.Equal(RunOptions.All.Select(option => (option.Name, option.Short, option.ValueName, option.IsValueOptional))
            .Append(("--help", "-h", null, false)),
            run.Options.Select(
                option => (option.Names[^1], option.Names.Count > 1 ? option.Names[0] : null, option.ValueName, option.IsValueOptional)));
    }

    [Fact]
    public void Every_value_that_is_offered_is_taken()
    {
        // Not every processor can do this one: then it is refused, and not for its name.
        bool lacksFaults = Linux.HostProbe.CpuidFaulting() != Linux.Errno.None;
        Assert.All(RunOptions.All.SelectMany(option => option.Values().Select(value => $"{option.Name}={value}")), one =>
        {
            string? problem = RunArguments.TryParse([one, "program"], out _);
            if (one == "--cpuid=fault" && lacksFaults)
            {
                Assert.Contains("cannot be made to fault here", problem, StringComparison.Ordinal);
                return;
            }

            Assert.Null(problem);
        });
        Assert.NotEmpty(RunOptions.All.SelectMany(option => option.Values()));
    }

    [Fact]
    public void Every_command_shows_help_of_its_own_and_says_what_the_table_says()
    {
        Assert.All(s_root.All.Where(command => command.Path.Length > 0), command =>
        {
            string[] words = command.Path.Split(' ');
            CloisterProcess.Outcome help = CloisterProcess.Run([.. words, "--help"]);
            Assert.Equal((0, ""), (help.Status, help.Error));
            Assert.Equal(help.Output, CloisterProcess.Run(["help", .. words]).Output);
            Assert.All(command.Options.SelectMany(option => option.Names),
                name => Assert.Contains(name, help.Output, StringComparison.Ordinal));
        });
    }

    [Fact]
    public void Descriptions_are_sentences_that_hold_on_every_machine()
    {
        Assert.All(s_root.All.SelectMany(command => command.Options.Select(option => option.Description).Append(command.Summary)
            .Concat(command.Arguments.Select(argument => argument.Description))), text =>
        {
            Assert.True(text.EndsWith('.') || text.EndsWith(':') || text == s_root.Summary, text);
            Assert.DoesNotContain(AppContext.BaseDirectory, text, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Every_variable_that_is_read_is_in_the_table()
    {
        string[] known = [.. EnvironmentVariables.All.Concat(EnvironmentVariables.OfTheRepository).Select(one => one.Name)];
        IEnumerable<string> sources = Directory.EnumerateFiles(Repository.At("src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .Append(Repository.At("cloister"));
        IEnumerable<string> read =
            sources.SelectMany(file => System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(file), @"\bCLOISTER_[A-Z_]+\b")
                .Select(match => match.Value));
        Assert.Equal([], read.Distinct().Except(known));
    }

    [Fact]
    public void Version_and_help_are_words_as_well()
    {
        Assert.StartsWith("Cloister ", EnclaveFiles.Run(0, "version"), StringComparison.Ordinal);
        Assert.Equal(EnclaveFiles.Run(0, "version"), EnclaveFiles.Run(0, "--version"));
        Assert.Equal(EnclaveFiles.Run(0, "--help"), EnclaveFiles.Run(0, "help"));
    }
}
