using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>Files that a command was asked to write.</summary>
internal static class OutputFile
{
    /// <summary>Writes a whole file.</summary>
    /// <exception cref="ImageException">It cannot be written.</exception>
    public static void Write(string path, byte[] bytes) => Writing(path, () => File.WriteAllBytes(path, bytes));

    /// <summary>Does what writes a file.</summary>
    /// <exception cref="ImageException">It cannot be written.</exception>
    public static void Writing(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new ImageException($"{path}: cannot be written: {FileProblem.Of(path, e)}", e);
        }
    }
}
