using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Commands;

/// <summary>What a terminal gets, and what a pipe gets.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly EnclaveFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_pipe_gets_no_colours_and_no_blanks_at_the_end_of_a_line()
    {
        string file = _files.Of(EnclaveFiles.Intel);
        string[][] commands = [["help"], ["run", "--help"], ["run", "--cpu", "help"], ["help", "inspect"], ["help", "lab"],
            ["help", "lab", "edmm"], ["doctor"], ["inspect", file, "--all"], ["measure", file], ["manual"], ["completion", "zsh"],
            ["lab", "costs"],
            ["lab", "edmm", "--pages", "2", "--repeats", "0", "--ways", "accept"]];
        Assert.All(commands, command =>
        {
            string output = CloisterProcess.Run(command, adjust: start => start.Environment["TERM"] = "xterm").Output;
            Assert.DoesNotContain('\e', output);
            Assert.All(output.Split('\n'), line => Assert.False(line.EndsWith(' '), $"{string.Join(' ', command)}: '{line}'"));
        });
    }

    [Theory]
    [InlineData("xterm", null, true)]
    [InlineData("xterm", "", true)]
    [InlineData("xterm", "1", false)]
    [InlineData("dumb", null, false)]
    public void A_terminal_gets_colours_unless_somebody_does_not_want_them(string terminal, string? noColor, bool expected)
    {
        string output = OnTerminal(60, terminal, noColor, "doctor");
        Assert.Equal(expected, output.Contains("\e[32m", StringComparison.Ordinal));
        Assert.Contains("FSGSBASE:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("doctor")]
    [InlineData("demo")]
    [InlineData("run -v -- true")]
    [InlineData("lab edmm --pages 2 --repeats 0 --ways accept -q")]
    public void A_terminals_keys_stay_as_they_are(string command) =>

        // terminfo's smkx and is2 and their like: a program that is run would meet other codes for the keys than without Cloister.
        Assert.DoesNotMatch("\e[^\\[]|\e\\[[?]", OnTerminal(80, "xterm-256color", null, command));

    [Theory]
    [InlineData("doctor")]
    [InlineData("run --help")]
    [InlineData("help lab edmm")]
    public void Lines_fit_the_terminal(string command)
    {
        foreach (int width in (int[])[80, 120])
        {
            string[] lines = OnTerminal(width, "dumb", "1", command).ReplaceLineEndings("\n").Split('\n');

            // Commands to be copied, and paths, stay whole.
            Assert.All(lines.Where(
                line => !line.TrimStart().StartsWith("cloister ", StringComparison.Ordinal) && !line.Contains('/', StringComparison.Ordinal)
                    && !line.Contains('=', StringComparison.Ordinal)),
                line => Assert.True(line.Length <= width, $"{width}: {line}"));
        }
    }

    // script(1) of util-linux makes a terminal.
    private static string OnTerminal(int width, string terminal, string? noColor, string command)
    {
        string line = $"stty cols {width} rows 40; exec dotnet {CloisterProcess.CommandFile} {command}";
        using var process = System.Diagnostics.Process.Start(Start("script", ["-qec", line, "/dev/null"], terminal, noColor))!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(Patience.WaitForExit(process, 60));
        Assert.Equal((0, ""), (process.ExitCode, error.Result));
        return output;
    }

    private static System.Diagnostics.ProcessStartInfo Start(string program, string[] arguments, string terminal, string? noColor)
    {
        var start = new System.Diagnostics.ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TERM"] = terminal;
        start.Environment["CLOISTER_CONFIG"] = "";
        start.Environment["NO_COLOR"] = noColor;
        if (noColor is null)
        {
            start.Environment.Remove("NO_COLOR");
        }

        return start;
    }
}
