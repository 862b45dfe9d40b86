using Cloister.Cli.Manual;
using Cloister.Cli.Running;
using Cloister.Engine.Options;

namespace Cloister.Cli.Tests.Running;

public class RunArgumentsTests
{
    [Fact]
    public void Options_have_their_values_after_a_space_or_an_equals_sign()
    {
        RunArguments one =
            Parse("--epc", "8M", "--engine", "trap", "--isolation", "strict", "--seed", "x", "--stats", "--no-sgx2", "--", "p");
        RunArguments other = Parse("--epc=8M", "--engine=trap", "--isolation=strict", "--seed=x", "--stats", "--no-sgx2", "p");
        Assert.Equal(one with { Program = [] }, other with { Program = [] });
        Assert.Equal((8L << 20, EngineMode.Trap, IsolationMode.Strict, "x", StatisticsFormat.Text, false),
            (one.EpcBytes, one.Engine, one.Isolation, one.Seed, one.Stats, one.Sgx2));
    }

    [Fact]
    public void The_rest_is_the_programs_from_the_first_argument_that_is_no_option()
    {
        Assert.Equal(["p", "--epc", "0", "--", "-x"], Parse("--stats", "p", "--epc", "0", "--", "-x").Program);
        Assert.Equal(["-p", "--"], Parse("--", "-p", "--").Program);
        Assert.Equal(["-"], Parse("--", "-").Program);
    }

    [Fact]
    public void A_value_may_look_like_an_option_or_be_empty()
    {
        Assert.Equal("--stats", Parse("--seed", "--stats", "p").Seed);
        Assert.Equal("", Parse("--seed=", "p").Seed);
        Assert.Equal("a=b", Parse("--seed=a=b", "p").Seed);
    }

    [Fact]
    public void What_is_not_told_is_left_to_the_machine()
    {
        RunArguments arguments = Parse("p");
        Assert.Null(arguments.Engine);
        Assert.Null(arguments.Isolation);
        Assert.Null(arguments.EpcBytes);
        Assert.Equal((null, null, false), (arguments.Platform, arguments.Cpu, arguments.CpuIsHost));
    }

    [Fact]
    public void A_loss_of_power_can_be_planned()
    {
        Assert.Equal([2], Parse("--power-loss", "entry=2", "p").PowerLoss.Entries);
        Assert.Contains("--power-loss x", RunArguments.TryParse(["--power-loss=x", "p"], out _), StringComparison.Ordinal);
    }

    [Fact]
    public void The_launch_control_registers_are_64_digits()
    {
        Assert.Equal(0xab, Parse("--launch-hash", "ab" + new string('0', 62), "p").LaunchHash![0]);
        Assert.Null(Parse("p").LaunchHash);
        Assert.All(["", "00", new string('0', 66), new string('g', 64)], text =>
            Assert.StartsWith("--launch-hash", RunArguments.TryParse(["--launch-hash", text, "p"], out _), StringComparison.Ordinal));
    }

    [Fact]
    public void The_largest_enclave_is_a_power_of_two()
    {
        Assert.Equal((byte)37, Parse("--max-enclave-size", "128G", "p").MaximumEnclaveSize);
        Assert.Equal((byte)13, Parse("--max-enclave-size=8192", "p").MaximumEnclaveSize);
        Assert.Null(Parse("p").MaximumEnclaveSize);
        Assert.All(["", "0", "4K", "96G", "-64G", "x"], text =>
            Assert.StartsWith("--max-enclave-size", RunArguments.TryParse(["--max-enclave-size", text, "p"], out _),
                StringComparison.Ordinal));
    }

    [Fact]
    public void A_processor_has_a_name_and_a_wrong_one_is_guessed_at()
    {
        Assert.Equal("icelake-server", Parse("--cpu", "Icelake-Server", "p").Cpu!.Name);
        Assert.True(Parse("--cpu=host", "p").CpuIsHost);
        Assert.Null(RunArguments.TryParse(["--cpu", "help"], out RunArguments help));
        Assert.True(help.CpuHelp);
        Assert.Contains("did you mean coffee-lake?", RunArguments.TryParse(["--cpu", "cofee-lake", "p"], out _), StringComparison.Ordinal);
    }

    [Fact]
    public void The_keys_are_of_one_platform()
    {
        Assert.Equal("new", Parse("--platform", "new", "p").Platform);
        Assert.Equal("server-2", Parse("--platform", "server-2", "p").Platform);
        Assert.Contains("not a platform's name", RunArguments.TryParse(["--platform", "../x", "p"], out _), StringComparison.Ordinal);
        Assert.Contains("give one of them", RunArguments.TryParse(["--platform", "new", "--seed", "x", "p"], out _),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Short_names_take_their_value_in_each_way()
    {
        Assert.All([["-o", "f", "p"], ["-of", "p"], ["-o=f", "p"], ["--output=f", "p"], (string[])["--output", "f", "p"]],
            words => Assert.Equal("f", Parse(words).Output));
        Assert.Equal((true, false), (Parse("-v", "-q", "p").Quiet, Parse("-v", "-q", "p").Verbose));
    }

    [Fact]
    public void Statistics_have_a_format()
    {
        Assert.Equal(StatisticsFormat.Json, Parse("--stats=json", "p").Stats);
        Assert.Equal(StatisticsFormat.Text, Parse("--stats", "p").Stats);
        Assert.Equal(StatisticsFormat.None, Parse("--stats", "--stats=no", "p").Stats);
        Assert.Equal(["json", "p"], Parse("--stats", "json", "p").Program);
    }

    [Fact]
    public void Help_fits_the_terminal()
    {
        using var writer = new StringWriter();
        RunHelp.Print(writer, 80);
        string[] lines = writer.ToString().Split('\n');
        Assert.All(lines.TakeWhile(line => line != "Examples:"), line => Assert.True(line.Length <= 80 && !line.EndsWith(' '), line));
    }

    [Fact]
    public void Help_names_every_option()
    {
        using var writer = new StringWriter();
        RunHelp.Print(writer);
        Assert.All(["--epc SIZE", "--no-sgx2", "--max-enclave-size SIZE", "--engine trap|fast", "--isolation strict|fast",
            "--power-loss EVENTS", "--nodes ACCESS", "--launch-hash HEX", "--seed TEXT", "--stats", "--help"],
            option => Assert.Contains(option, writer.ToString(), StringComparison.Ordinal));
    }

    private static RunArguments Parse(params string[] arguments)
    {
        Assert.Null(RunArguments.TryParse(arguments, out RunArguments parsed));
        return parsed;
    }
}
