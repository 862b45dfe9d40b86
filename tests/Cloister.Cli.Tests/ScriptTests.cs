using System.Diagnostics;
using Cloister.Cli.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Cli.Tests;

/// <summary>The script that builds the command, with an SDK that writes down how it was called and does what DOTNET_DOES says.</summary>
public sealed class ScriptTests : IDisposable
{
    private const string Sdk = """
        #!/bin/sh
        case $1 in
        --list-sdks) [ "${DOTNET_DOES-}" = lack ] || echo "${SDKS-10.0.100} [/somewhere]" ;;
        restore | publish)
            echo "$1" >>"$LOG"
            [ ! -e /proc/$$/fd/9 ] || echo 'the lock is open' >>"$LOG"
            [ "${DOTNET_DOES-}" != hang ] || { echo began; trap 'exit 0' TERM; while :; do sleep 0.05; done; }
            for argument; do
                if [ "${before-}" = -o ]; then
                    case $2 in *sgx2) name=sgx2-sample ;; *) name=cloister ;; esac
                    mkdir -p "$argument"
                    for file in $name.runtimeconfig.json $name.dll; do echo "built" >"$argument/$file"; done
                    echo '"lib/net10.0/Part.One.dll": {}, "Cloister.Engine.dll": {}' | tr , '\n' >"$argument/$name.deps.json"
                    echo part >"$argument/Part.One.dll"
                    [ "${DOTNET_DOES-}" != stop ] && echo engine >"$argument/Cloister.Engine.dll"
                fi
                before=$argument
            done
            [ "$1" = restore ] || echo "  Cloister.Engine -> /somewhere/Cloister.Engine.dll"
            exit 0
            ;;
        *) echo "$@" ;;
        esac
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly string _root, _log, _program;

    public ScriptTests()
    {
        // A path that a shell would take apart.
        _root = Directory.CreateDirectory(Path.Combine(_directory.Path, "the root's 'own'")).FullName;
        (_log, _program) = (Path.Combine(_directory.Path, "log"), Path.Combine(_root, "artifacts/cloister/Release/cloister.dll"));
        _ = Directory.CreateDirectory(Path.Combine(_root, "src", "Cloister.Cli", "obj"));
        _ = Directory.CreateDirectory(Path.Combine(_root, "samples", "sgx2"));
        File.WriteAllText(Path.Combine(_root, "Directory.Build.props"), "");
        File.Copy(Path.Combine(RepositoryRoot(), "cloister"), Path.Combine(_root, "cloister"));
        _ = _directory.Write("dotnet", Sdk, (UnixFileMode)0b111_101_101);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_lock_does_not_stay_with_what_a_build_leaves_behind()
    {
        (int status, string output, string error) = Run("demo");
        Assert.Equal((0, $"{_program} demo\n"), (status, output));
        Assert.Equal("restore publish publish", string.Join(' ', File.ReadAllLines(_log)));
        Assert.Contains(" s: built Cloister.Engine\n", error, StringComparison.Ordinal);

        // Up to date, nothing is built and nothing is said.
        Assert.Equal((0, $"{_program} demo\n", ""), Run("demo"));
        Assert.Equal(3, File.ReadAllLines(_log).Length);
    }

    [Fact]
    public void A_build_that_stops_half_way_and_says_that_all_went_well_is_not_taken()
    {
        (int status, string output, string error) = Run("x", "stop");
        Assert.Equal((Failure.Internal, ""), (status, output));
        Assert.Contains("cloister: the build failed", error, StringComparison.Ordinal);
        Assert.Equal((0, $"{_program} x\n"), (Run("x").Status, Run("x").Output));

        // Nor is what works given up for it.
        File.SetLastWriteTimeUtc(Path.Combine(_root, "Directory.Build.props"), DateTime.UtcNow.AddSeconds(2));
        Assert.Equal(Failure.Internal, Run("x", "stop").Status);
        Assert.True(File.Exists(_program));
    }

    [Theory]
    [InlineData(Signal.SIGTERM)]
    [InlineData(Signal.SIGINT)]
    [InlineData(Signal.SIGHUP)]
    [InlineData(Signal.SIGKILL)]
    public void After_an_interruption_all_is_built_anew(int signal)
    {
        string leftover = Path.Combine(_root, "src/Cloister.Cli/obj/half.dll");
        using Process script = Start("x", "hang");
        while (!File.Exists(_log))
        {
            Thread.Sleep(20);
        }

        File.WriteAllText(leftover, "");
        Assert.Equal(Errno.None, HostKernel.Kill(script.Id, signal));
        Assert.True(script.WaitForExit(60_000));
        Assert.Equal(128 + signal, script.ExitCode);
        if (signal == Signal.SIGKILL)
        {
            // What it started goes on alone: the next build waits for its end.
            string builder = File.ReadAllText(Path.Combine(_root, "artifacts/.building")).Trim();
            Assert.Equal(Errno.None, HostKernel.Kill(int.Parse(builder, System.Globalization.CultureInfo.InvariantCulture), Signal.SIGTERM));
        }

        (int status, string output, string error) = Run("x");
        Assert.Equal((0, $"{_program} x\n"), (status, output));
        Assert.Contains("the last build was interrupted", error, StringComparison.Ordinal);
        Assert.False(File.Exists(leftover));
        Assert.Equal((0, $"{_program} x\n", ""), Run("x"));
    }

    [Fact]
    public void Two_at_once_build_once()
    {
        Process[] scripts = [.. Enumerable.Range(0, 4).Select(_ => Start("x"))];
        Assert.All(scripts, script => Assert.Equal($"{_program} x\n", End(script).Output));
        Assert.Equal("restore publish", string.Join(' ', File.ReadAllLines(_log)));
    }

    [Theory]
    [InlineData("lack", "10.0.100", "has no SDK at all, only the runtime")]
    [InlineData("", "8.0.100", "has only: 8.0.100; see")]
    public void A_missing_SDK_is_told(string does, string sdks, string words)
    {
        (int status, string output, string error) = End(Start("x", does, start => start.Environment["SDKS"] = sdks));
        Assert.Equal((Failure.Unavailable, ""), (status, output));
        Assert.Contains(words, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_home_or_with_one_that_cannot_be_written_to_it_builds()
    {
        Assert.Equal(0, End(Start("x", adjust: start => start.Environment.Remove("HOME"))).Status);
        File.Delete(Path.Combine(_root, "artifacts/cloister/Release/.built"));
        Assert.Equal(0, End(Start("x", adjust: start => start.Environment["HOME"] = "/proc/nowhere")).Status);
    }

    [Fact]
    public void It_is_found_through_links()
    {
        string link = Path.Combine(_directory.Path, "link"), other = Path.Combine(_directory.Path, "other");
        _ = File.CreateSymbolicLink(link, Path.Combine(_root, "cloister"));
        _ = File.CreateSymbolicLink(other, "link");
        (int status, string output, _) = End(Start("x", file: other));
        Assert.Equal((0, $"{_program} x\n"), (status, output));
    }

    private (int Status, string Output, string Error) Run(string argument, string does = "") => End(Start(argument, does));

    private Process Start(string argument, string does = "", Action<ProcessStartInfo>? adjust = null, string? file = null)
    {
        // Whoever runs the tests may have signals ignored, and a shell cannot catch those.
        const string defaults = "@SIG{qw(HUP INT TERM)} = ('DEFAULT') x 3; exec @ARGV or die";
        var start = new ProcessStartInfo("perl", ["-e", defaults, "sh", file ?? Path.Combine(_root, "cloister"), argument]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{_directory.Path}:{start.Environment["PATH"]}";
        start.Environment["LOG"] = _log;
        start.Environment["DOTNET_DOES"] = does;
        _ = start.Environment.Remove("CLOISTER_CONFIGURATION");
        adjust?.Invoke(start);
        return Process.Start(start)!;
    }

    private static (int Status, string Output, string Error) End(Process script)
    {
        Task<string> output = script.StandardOutput.ReadToEndAsync(), error = script.StandardError.ReadToEndAsync();
        Assert.True(script.WaitForExit(60_000), "the script hangs");
        return (script.ExitCode, output.Result, error.Result);
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
