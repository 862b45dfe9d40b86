using System.Reflection;
using Cloister.Images;

namespace Cloister.Cli.Kernel;

/// <summary>
/// Compiles the driver of a kernel tree, as it is, against Cloister's small kernel (native/linux-driver), with the user's gcc.
/// </summary>
internal sealed class DriverBuild : IDisposable
{
    private const string Prefix = "linux-driver/";

    // What the kernel's own build does not warn of either, and what it lets a compiler not assume.
    private static readonly string[] s_driverFlags =
    [
        "-Wno-pointer-sign", "-Wno-address-of-packed-member", "-Wno-maybe-uninitialized", "-Wno-unused-function",
        "-Wno-unused-but-set-variable", "-Wno-array-bounds",
        "-fno-strict-aliasing", "-fno-strict-overflow", "-fno-delete-null-pointer-checks",
    ];

    // So that each function of the kernel is seen in a trace, under its own name.
    private static readonly string[] s_tracedFlags =
    [
        "-fno-omit-frame-pointer", "-fno-inline", "-fno-optimize-sibling-calls", "-fno-ipa-sra", "-fno-ipa-cp",
    ];

    private readonly KernelTree _tree;
    private readonly string _work;

    private readonly CancellationToken _cancellation;

    private DriverBuild(KernelTree tree, CancellationToken cancellation)
    {
        (_tree, _cancellation) = (tree, cancellation);
        _work = Directory.CreateTempSubdirectory("cloister-driver-").FullName;
    }

    /// <summary>Makes the shared object that embeds the driver.</summary>
    /// <param name="tree">The kernel tree.</param>
    /// <param name="output">The file.</param>
    /// <param name="cancellation">Ends it, and leaves nothing.</param>
    /// <exception cref="KernelProblem">It does not build.</exception>
    public static void Library(KernelTree tree, string output, CancellationToken cancellation = default)
    {
        using var build = new DriverBuild(tree, cancellation);
        IEnumerable<string> objects = build.Compile(["-O2", "-fPIC", .. s_tracedFlags], [], ["runtime"]);
        build.Link(["-shared", "-Wl,-z,defs"], objects, output);
    }

    /// <summary>Makes the program that explores schedules.</summary>
    /// <param name="tree">The kernel tree.</param>
    /// <param name="output">The file.</param>
    /// <param name="accesses">Whether each access to memory is a switch point.</param>
    /// <param name="cancellation">Ends it, and leaves nothing.</param>
    /// <exception cref="KernelProblem">It does not build.</exception>
    public static void Races(KernelTree tree, string output, bool accesses, CancellationToken cancellation = default)
    {
        using var build = new DriverBuild(tree, cancellation);
        IEnumerable<string> objects =
            build.Compile(["-O1", "-fno-pie", .. s_tracedFlags], accesses ? ["-fsanitize=thread"] : [], ["runtime", "races"]);
        build.Link(["-no-pie"], objects, output);
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_work, recursive: true);

    /// <summary>The names of the files that are the kernel around the driver.</summary>
    public static IReadOnlyCollection<string> RuntimeFiles { get; } = [.. Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix + "runtime/", StringComparison.Ordinal)).Select(name => Path.GetFileName(name)!)];

    private IEnumerable<string> Compile(string[] flags, string[] driverFlags, string[] folders)
    {
        string own = UnpackOwn(), headers = MakeHeaders(), kernel = Path.Combine(own, "kernel");
        string[] common = ["-c", "-g", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Werror", .. flags, "-I", kernel];
        List<string[]> calls = [
            .. folders.Select(
                folder => (string[])[.. common, "-Wextra", .. Directory.GetFiles(Path.Combine(own, folder), "*.c")
                    .Order(StringComparer.Ordinal)])];
        calls.AddRange(_tree.Sources.Select(source => (string[])
        [
            .. common, .. s_driverFlags, .. driverFlags, "-I", headers, "-iquote", _tree.Folder, "-DCONFIG_X86_SGX_KVM", "-D_X86_ENCLS_H",
            "-include", Path.Combine(kernel, "encls.h"), source,
        ]));

        // Each where its objects shall be, several at once.
        var said = new string[calls.Count];
        Parallel.For(0, calls.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, index =>
        {
            string place = Directory.CreateDirectory(Path.Combine(_work, $"{index}")).FullName;
            said[index] = Tool.Run("gcc", calls[index], place, out string output, _cancellation) switch
            {
                0 => "",
                null => throw NoCompiler(),
                _ => output,
            };
        });
        string all = string.Concat(said);
        return all.Length == 0
            ? Enumerable.Range(0, calls.Count).SelectMany(index => Directory.GetFiles(Path.Combine(_work, $"{index}"), "*.o"))
            .Order(StringComparer.Ordinal)
            : throw new KernelProblem(CompilerMessages.Summary(all), Failure.NotRunnable);
    }

    private void Link(string[] flags, IEnumerable<string> objects, string output)
    {
        string made = Path.Combine(_work, "made");
        if (Tool.Run("gcc", [.. flags, "-o", made, .. objects], _work, out string said, _cancellation) != 0)
        {
            throw new KernelProblem(CompilerMessages.Summary(said), Failure.NotRunnable);
        }

        try
        {
            OutputFile.Replace(output, place => Put(made, place));
        }
        catch (ImageException e)
        {
            throw new KernelProblem(e.Message, Failure.InputOutput);
        }
    }

    // Whole or not at all; a file that is in use stays as it is for who uses it.
    private static void Put(string made, string place)
    {
        string beside = $"{place}.{Environment.ProcessId}";
        try
        {
            File.Move(made, beside, overwrite: true);
            File.Move(beside, place, overwrite: true);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    // Every header that the driver includes is the one of ours, but for the two with the interface's numbers.
    private string MakeHeaders()
    {
        string headers = Path.Combine(_work, "headers");
        foreach (string name in _tree.Includes)
        {
            string file = Path.GetFullPath(Path.Combine(headers, name));
            if (file.StartsWith(headers + "/", StringComparison.Ordinal))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.WriteAllText(file, name switch
                {
                    "asm/sgx.h" => $"#include \"{_tree.Header}\"\n",
                    "uapi/asm/sgx.h" => $"#include \"{_tree.UserHeader}\"\n",
                    _ => "#include <kernel.h>\n",
                });
            }
        }

        return headers;
    }

    private string UnpackOwn()
    {
        string own = Path.Combine(_work, "own");
        var assembly = Assembly.GetExecutingAssembly();
        foreach (string name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string file = Path.Combine(own, name[Prefix.Length..]);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            using Stream from = assembly.GetManifestResourceStream(name)!;
            using FileStream to = File.Create(file);
            from.CopyTo(to);
        }

        return own;
    }

    private static KernelProblem NoCompiler() => new("gcc is not installed: `apt-get install gcc libc6-dev`", Failure.Unavailable);
}
