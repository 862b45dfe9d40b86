namespace Cloister.Images.Tests;

/// <summary>Real files that lie beside the repository on some machines and are never part of it.</summary>
internal static class SharedData
{
    /// <summary>../shared/data/sigstruct from the repository's root, or from a folder above it; null when there is none.</summary>
    public static string? Sigstructs { get; } = Find();

    private static string? Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Cloister.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        for (folder = Path.GetDirectoryName(folder); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string candidate = Path.Combine(folder, "shared", "data", "sigstruct");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}

/// <summary>A theory over real SIGSTRUCTs that is skipped, with the reason, where they are not to be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealSigstructTheoryAttribute : TheoryAttribute
{
    public RealSigstructTheoryAttribute()
    {
        if (SharedData.Sigstructs is null)
        {
            Skip = "no folder shared/data/sigstruct beside the repository";
        }
    }
}
