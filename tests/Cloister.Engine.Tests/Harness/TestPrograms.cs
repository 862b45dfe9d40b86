using System.Diagnostics;

namespace Cloister.Engine.Tests.Harness;

/// <summary>Runs programs by themselves and under the command.</summary>
internal static class TestPrograms
{
    private const double PatienceSeconds = 120;

    public static bool HasCompiler { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(d => File.Exists(Path.Combine(d, "gcc")));

    /// <summary>The sample of samples/sgx2.</summary>
    public static string[] Sample { get; } = ["dotnet", Path.Combine(AppContext.BaseDirectory, "sgx2-sample.dll")];

    /// <summary>Runs a program to its end.</summary>
    public static (int Status, string Output, string Error) Run(params string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        })!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!Patience.WaitForExit(process, PatienceSeconds))
        {
            process.Kill();
            Assert.Fail($"hangs: {string.Join(' ', command)}\n{error.Result}{output.Result}");
        }

        return (process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Runs a program under <c>cloister run OPTIONS</c>.</summary>
    public static (int Status, string Output, string Error) RunTraced(string options, params string[] command) =>
        Run(["dotnet", Path.Combine(AppContext.BaseDirectory, "cloister.dll"), "run", .. options.Split(' '), "--", .. command]);

    /// <summary>Compiles one file of C; gives back the program's path.</summary>
    public static string Compile(string directory, string source)
    {
        string c = Path.Combine(directory, "program.c"), program = Path.Combine(directory, "program");
        File.WriteAllText(c, source);
        (int status, _, string error) = Run("gcc", "-O1", "-Wall", "-pthread", "-o", program, c);
        Assert.True(status == 0, error);
        return program;
    }
}

/// <summary>A test that needs gcc; without it the test is reported as skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CompilerTheoryAttribute : TheoryAttribute
{
    public CompilerTheoryAttribute() => Skip = TestPrograms.HasCompiler ? null! : "gcc is not installed";
}
