using System.Diagnostics;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests;

/// <summary>The script that builds the command, with an SDK that only writes down how it was called.</summary>
public sealed class ScriptTests
{
    private const string Sdk = """
        #!/bin/sh
        case $1 in
        --list-sdks) echo '10.0.100 [/somewhere]' ;;
        restore | publish)
            echo "$1" >>"$LOG"
            [ ! -e /proc/$$/fd/9 ] || echo 'the lock is open' >>"$LOG"
            for argument; do
                [ "${before-}" != -o ] || { mkdir -p "$argument" && : >"$argument/cloister.dll"; }
                before=$argument
            done
            ;;
        *) echo "$@" ;;
        esac
        """;

    [Fact]
    public void The_lock_does_not_stay_with_what_a_build_leaves_behind()
    {
        using var directory = new TemporaryDirectory();
        string root = Directory.CreateDirectory(Path.Combine(directory.Path, "root")).FullName, log = Path.Combine(directory.Path, "log");
        _ = Directory.CreateDirectory(Path.Combine(root, "src", "Cloister.Cli"));
        _ = Directory.CreateDirectory(Path.Combine(root, "samples", "sgx2"));
        File.WriteAllText(Path.Combine(root, "Directory.Build.props"), "");
        File.Copy(Path.Combine(RepositoryRoot(), "cloister"), Path.Combine(root, "cloister"));
        _ = directory.Write("dotnet", Sdk, (UnixFileMode)0b111_101_101);
        var start = new ProcessStartInfo("sh", [Path.Combine(root, "cloister"), "demo"]) { RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{directory.Path}:{start.Environment["PATH"]}";
        start.Environment["LOG"] = log;
        _ = start.Environment.Remove("CLOISTER_CONFIGURATION");
        using Process script = Process.Start(start)!;
        Assert.Equal($"{root}/artifacts/cloister/Release/cloister.dll demo\n", script.StandardOutput.ReadToEnd());
        script.WaitForExit();
        Assert.Equal((0, "restore publish publish"), (script.ExitCode, string.Join(' ', File.ReadAllLines(log))));
    }

    private static string RepositoryRoot()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Cloister.slnx")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return directory;
    }
}
