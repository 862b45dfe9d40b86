namespace Cloister.Cli.Tests.Harness;

/// <summary>The files of the repository.</summary>
internal static class Repository
{
    /// <summary>The folder of Cloister.slnx.</summary>
    public static string Root { get; } = Find();

    /// <summary>A file or folder in it.</summary>
    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Find()
    {
        DirectoryInfo at = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Cloister.slnx")))
        {
            at = at.Parent ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        }

        return at.FullName;
    }
}
