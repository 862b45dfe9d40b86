using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>A file that this process put into its place, and takes away unless somebody else's is there by then.</summary>
/// <param name="path">The file.</param>
internal sealed class OwnFile(string path)
{
    private readonly FileIdentity _identity = FileIdentity.TryGet(path, out FileIdentity identity) ? identity : default;

    /// <summary>Whether it is still there.</summary>
    public bool IsThere => FileIdentity.TryGet(path, out FileIdentity identity) && identity == _identity;

    /// <summary>What a file is called beside its place until all of it is written.</summary>
    /// <param name="path">The file.</param>
    public static string Beginning(string path) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, $".{Path.GetFileName(path)}.{Environment.ProcessId}");

    /// <summary>Puts one into its place, whole or not at all; what is there is replaced, and lives on for whoever has it open.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the file of the name that it is given.</param>
    /// <param name="mode">Who may do what with it; null as it was written.</param>
    public static OwnFile Put(string path, Action<string> write, UnixFileMode? mode = null)
    {
        string temporary = Beginning(path);
        try
        {
            write(temporary);
            if (mode is { } bits)
            {
                File.SetUnixFileMode(temporary, bits);
            }

            File.Move(temporary, path, overwrite: true);
            return new OwnFile(path);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

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
