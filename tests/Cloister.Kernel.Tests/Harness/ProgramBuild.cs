using Cloister.Cli.Kernel;

namespace Cloister.Kernel.Tests.Harness;

/// <summary>Programs of conformance/uapi, built.</summary>
internal static class ProgramBuild
{
    private static readonly Lock s_lock = new();
    private static readonly Dictionary<string, string> s_built = [];
    private static readonly Lazy<string> s_library = new(() =>
    {
        string programs = Path.Combine(KernelSources.Root, "conformance/programs"), build = Path.Combine(KernelSources.Scratch, "programs");
        Assert.True(Tool.Run("make", ["-C", programs, $"BUILD={build}", $"{build}/libconformance.a", $"{build}/lib/key.o"], "/",
            out string said) == 0, said);
        return build;
    });

    /// <summary>Why nothing can be built here, or null.</summary>
    public static string? Missing { get; } = KernelSources.Missing
        ?? (File.Exists("/usr/include/openssl/evp.h") && File.Exists("/usr/bin/make") ? null : "make or libssl-dev is not installed");

    /// <summary>A program for the interface of Linux 6.0.</summary>
    public static string Find(string name)
    {
        lock (s_lock)
        {
            if (!s_built.TryGetValue(name, out string? program))
            {
                string uapi = Path.Combine(KernelSources.Root, "conformance/uapi"), library = s_library.Value;
                program = Path.Combine(KernelSources.Scratch, name);
                Assert.True(
                    Tool.Run("gcc",
                        ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g", "-DUAPI=\"v6.0\"", $"-I{uapi}/include/v6.0", $"-I{uapi}/lib",
                            $"-I{uapi}/../programs/lib",
                    $"{uapi}/{name}.c", "-o", program, $"{library}/lib/key.o", $"{library}/libconformance.a", "-lcrypto", "-lpthread",
                    "-ldl"], "/", out string said) == 0, said);
                s_built[name] = program;
            }

            return program;
        }
    }
}

/// <summary>A test that needs programs too.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ProgramFactAttribute : FactAttribute
{
    public ProgramFactAttribute() => Skip = ProgramBuild.Missing!;
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ProgramTheoryAttribute : TheoryAttribute
{
    public ProgramTheoryAttribute() => Skip = ProgramBuild.Missing!;
}
