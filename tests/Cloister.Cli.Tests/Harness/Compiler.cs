using System.Diagnostics;

namespace Cloister.Cli.Tests.Harness;

/// <summary>Makes small C programs, where there is a C compiler.</summary>
internal static class Compiler
{
    public static bool IsThere { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(d => File.Exists(Path.Combine(d, "gcc")));

    /// <summary>Compiles one file of C to a program.</summary>
    public static string Compile(TemporaryDirectory directory, string source)
    {
        string c = directory.Write("program.c", source), program = Path.Combine(directory.Path, "program");
        using Process gcc = Process.Start("gcc", ["-O1", "-pthread", "-o", program, c]);
        gcc.WaitForExit();
        Assert.Equal(0, gcc.ExitCode);
        return program;
    }
}

/// <summary>A test that needs gcc; without it the test is reported as skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CompilerFactAttribute : FactAttribute
{
    public CompilerFactAttribute() => Skip = Compiler.IsThere ? null! : "gcc is not installed";
}
