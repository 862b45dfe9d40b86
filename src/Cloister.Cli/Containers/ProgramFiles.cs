using Cloister.Linux;

namespace Cloister.Cli.Containers;

/// <summary>
/// The files of this program as a container gets them: with the C library that this process has, for the container's may be another or
/// none.
/// </summary>
internal sealed record ProgramFiles
{
    /// <summary>Where they are in a container. /dev is a file system of the container's own, also where its root is read-only.</summary>
    public const string Directory = "/dev/.cloister";

    // Quotes are signed with OpenSSL, which the framework opens by name when it is first needed, unless it is linked in.
    private static readonly string[] s_openedLater = ["libssl.so.3", "libcrypto.so.3"];

    /// <summary>The files here, by their names there.</summary>
    public required IReadOnlyDictionary<string, string> Sources { get; init; }

    /// <summary>What stands before the program's arguments: the dynamic linker, where its libraries are, and the program.</summary>
    public required IReadOnlyList<string> Start { get; init; }

    /// <summary>Those of this process.</summary>
    /// <exception cref="ContainerException">It is no native program.</exception>
    public static ProgramFiles OfThisProcess() => Of(MapsOfThisProcess(), Program);

    /// <summary>Those of this process; null where dotnet runs it.</summary>
    public static ProgramFiles? OfThisProcessIfNative() => IsNative(Program) ? OfThisProcess() : null;

    /// <summary>Those that a process has mapped.</summary>
    /// <param name="mapped">Paths, each once.</param>
    /// <param name="program">The program's own.</param>
    /// <exception cref="ContainerException">There is no dynamic linker among them, or the program is dotnet.</exception>
    public static ProgramFiles Of(IReadOnlyList<string> mapped, string program)
    {
        if (!IsNative(program))
        {
            throw new ContainerException(
                "containers need the native program, and this one runs by dotnet: build it with gcc or clang at hand, or take a release",
                Failure.Unavailable);
        }

        var sources = new Dictionary<string, string>(StringComparer.Ordinal) { ["cloister"] = program };
        string? linker = null;
        foreach (string path in mapped.Where(path => path != program))
        {
            string name = Path.GetFileName(path);
            sources[name] = path;
            linker = name.StartsWith("ld-", StringComparison.Ordinal) ? name : linker;
            foreach (string later in name == "libc.so.6" ? s_openedLater : [])
            {
                string beside = Path.Combine(Path.GetDirectoryName(path)!, later);
                _ = !File.Exists(beside) || sources.TryAdd(later, beside);
            }
        }

        return new ProgramFiles
        {
            Sources = sources,
            Start = linker is null
                ? throw new ContainerException("this program has no dynamic linker of the GNU C library", Failure.Unavailable)
                : [$"{Directory}/{linker}", "--library-path", Directory, $"{Directory}/cloister"],
        };
    }

    private static bool IsNative(string program) => Path.GetFileName(program) is not ("dotnet" or "");

    // Started by a dynamic linker's command line, as it is on nodes and in containers,
    // the process is the linker's, and the program lies beside it.
    private static string Program => Environment.ProcessPath is not { } path ? ""
        : Path.GetFileName(path).StartsWith("ld-", StringComparison.Ordinal)
        ? Path.Combine(Path.GetDirectoryName(path)!, "cloister") : path;

    private static List<string> MapsOfThisProcess()
    {
        var paths = new List<string>();
        foreach (MapsLine line in MapsLine.CodeOf(Environment.ProcessId))
        {
            if ((line.Protection & MemoryProtection.Read) != 0 && Path.GetFileName(line.Path).Contains(".so", StringComparison.Ordinal)
                && !paths.Contains(line.Path))
            {
                paths.Add(line.Path);
            }
        }

        return paths;
    }
}
