using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Commands;

/// <summary>The results of commands in files.</summary>
public sealed class OutputOptionTests : IDisposable
{
    private readonly EnclaveFiles _files = new();

    public void Dispose() => _files.Dispose();

    public static TheoryData<string[]> CommandLines { get; } =
    [
        ["doctor", "--json"],
        ["inspect", "FILE"],
        ["inspect", "FILE", "--json"],
        ["measure", "FILE", "--trace"],
        ["measure", "FILE", "--trace", "--json"],
        ["lab", "costs"],
        ["completion", "bash"],
        ["manual"],
    ];

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void The_file_gets_what_the_stream_would_get(string[] words)
    {
        string file = _files.Of(EnclaveFiles.Intel), output = Path.Combine(_files.Folder, "out");
        string[] command = [.. words.Select(word => word == "FILE" ? file : word)];
        string expected = EnclaveFiles.Run(0, command);
        Assert.Equal("", EnclaveFiles.Run(0, [.. command, "-o", output]));
        Assert.Equal(Steady(expected), Steady(File.ReadAllText(output)));
        Assert.Equal(Steady(expected), Steady(EnclaveFiles.Run(0, [.. command, "--output=-"])));
        Assert.NotEqual("", expected);

        // The memory that is free changes as one looks.
        static string Steady(string text) => string.Join('\n', text.Split('\n').Where(line => !line.Contains(" free", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_file_that_is_read_is_not_written_over()
    {
        string file = _files.Of(EnclaveFiles.Intel), link = Path.Combine(_files.Folder, "link");
        byte[] before = File.ReadAllBytes(file);
        File.CreateSymbolicLink(link, file);
        Assert.All([file, link], output =>
        {
            CloisterProcess.Outcome outcome = CloisterProcess.Run(["inspect", file, "-o", output]);
            Assert.Equal((Failure.InputOutput, $"cloister: inspect: --output {output}: that is {file} itself\n"), (outcome.Status, outcome.Error));
        });
        Assert.Equal(before, File.ReadAllBytes(file));
    }

    [Fact]
    public void A_file_that_is_full_is_told()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["manual", "-o", "/dev/full"]);
        Assert.Equal(Failure.InputOutput, outcome.Status);
        Assert.StartsWith("cloister: No space left", outcome.Error, StringComparison.Ordinal);
    }
}
