namespace Cloister.Processor.Tests.Harness;

/// <summary>A test on files that lie beside the repository, in shared/data; skipped with a message where they are absent.</summary>
internal static class SharedData
{
    /// <summary>The folder of published SIGSTRUCTs, or null.</summary>
    public static string? Sigstructs { get; } = Find(Path.Combine("shared", "data", "sigstruct"));

    private static string? Find(string folder)
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, folder);
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}

[AttributeUsage(AttributeTargets.Method)]
internal sealed class SigstructTheoryAttribute : TheoryAttribute
{
    public SigstructTheoryAttribute()
    {
        if (SharedData.Sigstructs is null)
        {
            Skip = "No folder shared/data/sigstruct beside the repository.";
        }
    }
}
