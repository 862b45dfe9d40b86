using System.Text.Json;
using Cloister.Cli.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Running;

/// <summary>Options that stand in the environment and in the configuration file.</summary>
public sealed class OptionDefaultsTests : IDisposable
{
    private readonly TemporaryDirectory _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public void The_command_line_goes_before_the_environment_and_that_before_the_file()
    {
        Write("# a comment\n\n  --epc 16MiB --seed file\n--uapi=v5.11\n");
        Assert.Equal(4096, Pages("", []));
        Assert.Equal(2048, Pages("--epc 8M", []));
        Assert.Equal(1024, Pages("--epc 8M", ["--epc", "4M"]));
        Assert.NotEqual(4096, Pages("", ["--no-defaults"]));
    }

    [Fact]
    public void Verbose_says_where_an_option_comes_from()
    {
        Write("--uapi v5.11\n--epc 16M\n--seed x\n");
        CloisterProcess.Outcome outcome = Run("--epc 8M", ["run", "-v", "--platform", "new", "true"]);
        Assert.Equal(0, outcome.Status);
        Assert.Contains($"cloister: --uapi v5.11 is from {File}:1\n", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("cloister: --epc 8M is from CLOISTER_OPTIONS\n", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("keys of this run only", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--seed", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--platform new is from", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_tells_of_them()
    {
        Write("--epc 16M\n");
        CloisterProcess.Outcome outcome = Run("--engine trap", ["doctor", "--json"]);
        JsonElement options = JsonDocument.Parse(outcome.Output).RootElement.GetProperty("options");
        Assert.Equal([$"--epc 16M {File}:1", "--engine trap CLOISTER_OPTIONS"], options.EnumerateArray()
            .Select(one => $"{one.GetProperty("option")} {one.GetProperty("value")} {one.GetProperty("from")}"));
        Assert.Contains("--epc 16M, from", Run("", ["doctor"]).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n--ecp 8M\n", ":2: there is no option --ecp; did you mean --epc?")]
    [InlineData("--epc\n8M\n", ":1: --epc needs a value")]
    [InlineData("--epc 8M prog\n", ":1: prog is no option")]
    [InlineData("epc=8M\n", ":1: epc=8M is no option")]
    [InlineData("--epc 8M --\n", ":1: -- is for the command line")]
    [InlineData("--epc '8M\n", ":1: a quote ' is not closed")]
    [InlineData("--help\n", ":1: --help is for the command line")]
    [InlineData("--cpu help\n", ":1: --cpu help is for the command line")]
    [InlineData("--no-defaults\n", ":1: --no-defaults is for the command line")]
    [InlineData("--seed a --platform new\n", ":1: --seed and --platform both say whose keys")]
    [InlineData("--epc 8M\n--epc 5\n", ":2: --epc 5: not a multiple of a page")]
    [InlineData("\0\n", ":1: ")]
    public void What_is_wrong_in_the_file_is_told_with_its_line(string text, string words)
    {
        Write(text);
        AssertRefused(Run("", ["run", "true"]), File + words);
        AssertRefused(Run("", ["doctor"]), File + words);
    }

    [Theory]
    [InlineData("--ecp 8M", "CLOISTER_OPTIONS: there is no option --ecp")]
    [InlineData("true", "CLOISTER_OPTIONS: true is no option")]
    [InlineData("--seed \"", "CLOISTER_OPTIONS: a quote")]
    public void What_is_wrong_in_the_environment_is_told(string text, string words) => AssertRefused(Run(text, ["run", "true"]), words);

    [Fact]
    public void A_file_that_cannot_be_read_is_told()
    {
        Directory.CreateDirectory(File);
        AssertRefused(Run("", ["run", "true"]), $"{File}: a directory");
        AssertRefused(Run("", ["run", "true"], "/nonexistent"), "/nonexistent: no such file");
        Assert.Equal(0, Run("", ["run", "true"], "").Status);
        Assert.Equal(0, Run("", ["run", "--help"]).Status);
        Assert.Equal(0, Run("", ["run", "--no-defaults", "true"]).Status);
    }

    [Fact]
    public void Root_does_not_take_orders_from_another_users_file()
    {
        Write("--epc 16M\n");
        if (HostProbe.EffectiveUser != 0 || Shell.Run($"chown 65534 {File} 2>&1").Length > 0)
        {
            return;
        }

        Assert.NotEqual(4096, Pages("", []));
        Assert.Contains($"not in {File}, which belongs to another user", Run("", ["doctor"]).Output, StringComparison.Ordinal);
        Assert.Contains(":1: there is no option --x", Run("", ["run", "true"], _home.Write("other", "--x")).Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_home_that_may_not_be_searched_has_no_file()
    {
        if (HostProbe.EffectiveUser != 0)
        {
            Write("--x");
            new FileInfo(File).Directory!.UnixFileMode = UnixFileMode.None;
            Assert.Equal(0, Run("", ["run", "true"]).Status);
            new FileInfo(File).Directory!.UnixFileMode = (UnixFileMode)0b111_000_000;
        }
    }

    [Fact]
    public void Another_file_can_be_named()
    {
        Write("--epc 16M\n");
        Assert.Contains(":1: there is no option --x", Run("", ["run", "true"], _home.Write("other", "--x")).Error,
            StringComparison.Ordinal);
    }

    private string File => Path.Combine(_home.Path, "cloister", "config");

    private void Write(string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        System.IO.File.WriteAllText(File, text);
    }

    private long Pages(string words, string[] options)
    {
        CloisterProcess.Outcome outcome = Run(words, ["run", .. options, "--stats=json", "true"]);
        Assert.Equal(0, outcome.Status);
        return JsonDocument.Parse(outcome.Error).RootElement.GetProperty("epcPagesTotal").GetInt64();
    }

    private CloisterProcess.Outcome Run(string words, string[] arguments, string? file = null) => CloisterProcess.Run(arguments,
        adjust: start =>
    {
        start.Environment["XDG_CONFIG_HOME"] = _home.Path;
        start.Environment["CLOISTER_OPTIONS"] = words;
        start.Environment["CLOISTER_CONFIG"] = file;
        if (file is null)
        {
            start.Environment.Remove("CLOISTER_CONFIG");
        }
    });

    private static void AssertRefused(CloisterProcess.Outcome outcome, string words)
    {
        Assert.Equal((Failure.Usage, ""), (outcome.Status, outcome.Output));
        Assert.StartsWith($"cloister: {words}", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(outcome.Error.Length - 1, outcome.Error.IndexOf('\n', StringComparison.Ordinal));
    }
}
