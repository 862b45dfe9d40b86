using System.Diagnostics;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Commands;

/// <summary>Files that are cut, damaged, or no files: one line on the error stream, status 2, and never a hang.</summary>
public sealed class HostileFileTests : IDisposable
{
    private static readonly string[] s_commands = ["inspect", "measure", "verify"];
    private readonly EnclaveFiles _files = new();

    public static TheoryData<string> Formats => [.. EnclaveFiles.All.Keys];

    public void Dispose() => _files.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_file_that_is_cut_short_is_refused(string format)
    {
        byte[] whole = EnclaveFiles.All[format]();
        foreach (string command in s_commands)
        {
            CloisterProcess.Outcome outcome = CloisterProcess.Run([command, _files.Write("cut", whole[..(whole.Length * 2 / 5)])]);

            // What is left of a text or a stream may be whole by itself: then there is no error, and for verify nothing that holds.
            Assert.Contains(outcome.Status, (int[])[0, 1, 2]);
            Assert.True(outcome.Status == 2 || format is EnclaveFiles.Gramine or EnclaveFiles.Sgxs, $"{command}: {outcome.Output}");
            AssertErrorIsOneLine(outcome);
        }
    }

    [Fact]
    public void What_is_no_enclave_file_is_refused_by_every_command()
    {
        string[] paths =
        [
            _files.Write("empty", []), _files.Write("byte", [0x7f]), _files.Write("text", "hello\n"u8.ToArray()),
            _files.Write("zeros", new byte[100_000]),
            "/bin/true", "/dev/null", "/dev/zero", "/nonexistent", _files.Folder, Pipe(),
        ];
        foreach (string path in paths)
        {
            foreach (string command in (string[])[.. s_commands, "sign"])
            {
                CloisterProcess.Outcome outcome =
                    CloisterProcess.Run([command, path, .. command == "sign" ? ["--key", "/nonexistent"] : Array.Empty<string>()]);
                Assert.Equal((2, ""), (outcome.Status, outcome.Output));
                AssertErrorIsOneLine(outcome);
            }
        }
    }

    [Theory]
    [InlineData("--sigstruct")]
    [InlineData("--libpal")]
    [InlineData("--against")]
    public void Files_that_options_name_are_looked_at_too(string option)
    {
        string path = _files.Of(EnclaveFiles.Gramine);
        foreach (string other in (string[])["/nonexistent", _files.Folder, Pipe(), _files.Write("byte", [1])])
        {
            CloisterProcess.Outcome outcome = CloisterProcess.Run(["measure", path, option, other]);
            Assert.Equal((2, ""), (outcome.Status, outcome.Output));
            AssertErrorIsOneLine(outcome);
        }
    }

    private static void AssertErrorIsOneLine(CloisterProcess.Outcome outcome)
    {
        Assert.True(outcome.Error.Length == 0 == (outcome.Status != 2), outcome.Error);
        Assert.True(outcome.Error.Length == 0 || outcome.Error.StartsWith("cloister: ", StringComparison.Ordinal), outcome.Error);
        Assert.True(outcome.Error.Count(c => c == '\n') <= 1, outcome.Error);
    }

    private string Pipe()
    {
        string path = Path.Combine(_files.Folder, "pipe");
        if (!File.Exists(path))
        {
            using Process make = Process.Start("mkfifo", path);
            make.WaitForExit();
            Assert.Equal(0, make.ExitCode);
        }

        return path;
    }
}
