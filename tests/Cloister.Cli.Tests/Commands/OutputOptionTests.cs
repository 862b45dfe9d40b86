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
        static string Steady(string text) =>
            string.Join('\n', text.Split('\n').Where(line => !line.Contains(" free", StringComparison.Ordinal)));
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
            Assert.Equal((Failure.InputOutput, $"cloister: inspect: --output {output}: that is {file} itself\n"),
                (outcome.Status, outcome.Error));
        });
        Assert.Equal(before, File.ReadAllBytes(file));
    }

    [Fact]
    public void A_file_that_is_full_is_told()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["manual", "-o", "/dev/full"]);
        Assert.Equal(Failure.InputOutput, outcome.Status);
        Assert.StartsWith("cloister: the output could not be written: no space left", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EnclaveFiles.Intel)]
    [InlineData(EnclaveFiles.PlainElf)]
    public void A_signed_file_goes_into_a_pipe_and_does_not_take_its_place(string format)
    {
        string pipe = Path.Combine(_files.Folder, "pipe"), copy = Path.Combine(_files.Folder, "copy");
        Assert.Equal("", Shell.Run($"mkfifo '{pipe}'"));
        using var reader = System.Diagnostics.Process.Start("sh", ["-c", $"cat '{pipe}' >'{copy}'"]);
        string file = _files.Of(format);
        EnclaveFiles.Run(0, "sign", file, "--key", _files.Key(), "-o", pipe);
        Assert.True(reader.WaitForExit(60_000));
        string direct = Path.Combine(_files.Folder, "direct");
        EnclaveFiles.Run(0, "sign", file, "--key", _files.Key(), "-o", direct);
        Assert.Equal(File.ReadAllBytes(direct), File.ReadAllBytes(copy));
        Assert.Equal("pipe", Shell.Run($"test -p '{pipe}' && printf pipe"));
    }

    [Fact]
    public void A_signed_file_goes_where_a_link_leads()
    {
        string target = _files.Write("target", [1]), link = Path.Combine(_files.Folder, "link");
        File.CreateSymbolicLink(link, target);
        EnclaveFiles.Run(0, "sign", _files.Of(EnclaveFiles.Sgxs), "--key", _files.Key(), "-o", link);
        Assert.Equal((target, 1808), (new FileInfo(link).LinkTarget, File.ReadAllBytes(target).Length));
    }
}
