using System.Diagnostics;

namespace Cloister.Host.Tests.Machine;

/// <summary>The command as others install it: as a .NET tool from a package, and by the step of a workflow.</summary>
public sealed class ToolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-tool-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_package_installs_as_a_tool()
    {
        string feed = Path.Combine(_folder, "feed"), tools = Path.Combine(_folder, "tools"),
            configuration = Path.Combine(_folder, "nuget.config");
        Dotnet.Run(Machine.Root, "pack", Path.Combine("src", "Cloister.Cli"), "--no-build", "-c", Machine.Configuration, "-o",
            feed, "-v", "q");
        File.WriteAllText(configuration, """
            <configuration>
              <packageSources><clear /><add key="local" value="feed" /></packageSources>
              <config><add key="globalPackagesFolder" value="packages" /></config>
            </configuration>
            """);
        Dotnet.Run(_folder, "tool", "install", "Cloister", "--tool-path", tools, "--configfile", configuration);
        (int status, string output) = Shell($"'{tools}/cloister' run -- grep -c sgx_lc /proc/cpuinfo");
        Assert.True(status == 0 && int.Parse(output) > 0, output);
    }

    [Fact]
    public void The_step_of_a_workflow_puts_the_command_on_the_path()
    {
        // Where a runner would have cloned the repository; what is built already is not built again. It may be used twice in a job.
        string path = Path.Combine(_folder, "path"), outputs = Path.Combine(_folder, "outputs");
        string steps = Action();
        (int status, string output) = Shell($"""
            set -e
            export GITHUB_ACTION_PATH='{Machine.Root}' RUNNER_TEMP='{_folder}' GITHUB_PATH='{path}' GITHUB_OUTPUT='{outputs}' RUNNER_OS=Linux RUNNER_ARCH=X64
            {steps}
            grep -q '^key=cloister-Linux-X64-[0-9a-f]' '{outputs}'
            {steps}
            export PATH="$(head -n 1 '{path}'):$PATH"
            cloister run -- grep -c sgx_lc /proc/cpuinfo
            """);
        Assert.True(status == 0 && int.Parse(output) > 0, output);
    }

    [Fact]
    public void The_step_of_a_workflow_takes_the_program_of_a_release_where_there_is_one()
    {
        // A release as packaging/build makes it, with a program that says that it is this one.
        string release = Directory.CreateDirectory(Path.Combine(_folder, "releases", "v1.2.3")).FullName,
            path = Path.Combine(_folder, "path");
        string steps = Action(), variables = Path.Combine(_folder, "variables"), outputs = Path.Combine(_folder, "outputs");
        (int status, string output) = Shell($"""
            set -e
            cd '{release}'
            mkdir -p cloister-1.2.3-linux-x64/bin
            printf '#!/bin/sh\necho "of the release: $*"\n' >cloister-1.2.3-linux-x64/bin/cloister
            chmod +x cloister-1.2.3-linux-x64/bin/cloister
            tar -czf cloister-1.2.3-linux-x64.tar.gz cloister-1.2.3-linux-x64
            sha256sum *.tar.gz >SHA256SUMS
            export GITHUB_ACTION_PATH=/nowhere RUNNER_TEMP='{_folder}' GITHUB_PATH='{path}' GITHUB_OUTPUT='{outputs}' GITHUB_ENV='{variables}'
            export RELEASES='file://{_folder}/releases' REVISION=v1.2.3 EPC=64MiB
            {steps}
            PATH="$(head -n 1 '{path}'):$PATH"
            cloister run it
            grep -x 'CLOISTER_OPTIONS=--epc 64MiB' '{variables}'
            VERSION=1.2.4
            export VERSION
            if ({steps}); then exit 1; fi
            echo damaged >>cloister-1.2.3-linux-x64.tar.gz
            VERSION=1.2.3
            if ({steps}); then exit 2; fi
            """);
        Assert.True(status == 0, $"{status}: {output}");
        Assert.Equal("of the release: run it\nCLOISTER_OPTIONS=--epc 64MiB\n", output);
    }

    // As the workflow's service runs them, each by a shell of its own; what it passes from one step to the next is passed here.
    private string Action()
    {
        string[] scripts = [.. Steps(File.ReadAllLines(Path.Combine(Machine.Root, "action.yml")))];
        for (int i = 0; i < scripts.Length; i++)
        {
            File.WriteAllText(Path.Combine(_folder, $"step{i}"), scripts[i]);
        }

        return string.Concat(Enumerable.Range(0, scripts.Length).Select(i =>
            $"bash --noprofile --norc -eo pipefail '{_folder}/step{i}' >&2 || exit\nexport PREBUILT=\"$(sed -n 's/^prebuilt=//p' \"$GITHUB_OUTPUT\" | tail -n 1)\"\n"));
    }

    // The scripts that every job runs: those with a condition are for what a cache brought.
    private static IEnumerable<string> Steps(string[] lines)
    {
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim() == "run: |" && !lines[Array.FindLastIndex(lines, i, IsStep)].Contains("if:", StringComparison.Ordinal))
            {
                yield return string.Join('\n', lines.Skip(i + 1).TakeWhile(line => line.StartsWith("        ", StringComparison.Ordinal))
                    .Select(line => line.Trim()));
            }
        }

        static bool IsStep(string line) => line.StartsWith("    - ", StringComparison.Ordinal);
    }

    // Status and standard output, with what the other stream said when it fails.
    private static (int Status, string Output) Shell(string script)
    {
        const double patienceSeconds = 300;
        var start = new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(Environment.ProcessPath);
        using var process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!Patience.WaitForExit(process, patienceSeconds))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"it hangs: {script}");
        }

        return (process.ExitCode, process.ExitCode == 0 ? output.GetAwaiter().GetResult()
            : output.GetAwaiter().GetResult() + error.GetAwaiter().GetResult());
    }
}
