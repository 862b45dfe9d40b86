using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>A file that this process put into its place, and takes away unless somebody else's is there by then.</summary>
/// <param name="path">The file.</param>
internal sealed class OwnFile(string path)
{
    private readonly FileIdentity _identity = FileIdentity.TryGet(path, out FileIdentity identity) ? identity : default;

    /// <summary>Whether it is still there.</summary>
    public bool IsThere => FileIdentity.TryGet(path, out FileIdentity identity) && identity == _identity;

    /// <summary>Takes it away.</summary>
    public void Delete()
    {
        try
        {
            if (IsThere)
            {
                File.Delete(path);
            }
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            _ = Failure.Report($"{path} stays: {FileProblem.Of(path, e)}", Failure.InputOutput);
        }
    }
}
