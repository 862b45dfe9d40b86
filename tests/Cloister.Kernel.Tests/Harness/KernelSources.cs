using Cloister.Cli.Kernel;

namespace Cloister.Kernel.Tests.Harness;

/// <summary>The kernel's driver as Debian ships it, where its package and a compiler are installed.</summary>
internal static class KernelSources
{
    public static IReadOnlyList<string> Versions { get; } = ["6.12", "6.1"];

    /// <summary>Why nothing can be built here, or null.</summary>
    public static string? Missing { get; } =
        !(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "gcc")))
        ? "gcc is not installed"
        : Versions.FirstOrDefault(version => !File.Exists($"/usr/src/linux-source-{version}.tar.xz")) is { } version
        ? $"the package linux-source-{version} is not installed"
        : null;

    /// <summary>The folder of Cloister.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A tree, as it is.</summary>
    public static KernelTree Tree(string version) => KernelTree.Find(version);

    /// <summary>A folder that is gone at the end of the tests.</summary>
    public static string Scratch { get; } = MakeScratch();

    /// <summary>A driver with changes, built.</summary>
    /// <param name="version">Which tree.</param>
    /// <param name="changes">Each makes another text of a file.</param>
    /// <returns>The shared object.</returns>
    public static string Library(string version, params TreeChange[] changes)
    {
        string output = Path.Combine(Scratch, $"{Guid.NewGuid():n}.so");
        DriverBuild.Library(Changed(version, changes), output);
        return output;
    }

    /// <summary>A copy of a tree with changes; the tree itself without any.</summary>
    public static KernelTree Changed(string version, params TreeChange[] changes)
    {
        KernelTree tree = Tree(version);
        if (changes.Length == 0)
        {
            return tree;
        }

        string copy = Path.Combine(Scratch, $"{Guid.NewGuid():n}");
        foreach (string file in Directory.GetFiles(tree.Folder).Append(tree.Header).Append(tree.UserHeader))
        {
            string to = Path.Combine(copy, Path.GetRelativePath(tree.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        KernelTree changed = KernelTree.Find(copy);
        foreach (TreeChange change in changes)
        {
            change.Make(changed);
        }

        return changed;
    }

    private static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Cloister.slnx")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    private static string MakeScratch()
    {
        string place = Directory.CreateTempSubdirectory("cloister-kernel-tests-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(place, recursive: true);
        return place;
    }
}

/// <summary>A test that needs the kernel's sources and gcc.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelFactAttribute : FactAttribute
{
    public KernelFactAttribute() => Skip = KernelSources.Missing!;
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelTheoryAttribute : TheoryAttribute
{
    public KernelTheoryAttribute() => Skip = KernelSources.Missing!;
}
