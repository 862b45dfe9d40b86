using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>Files that were named on the command line to be written.</summary>
internal static class OutputFile
{
    /// <summary>
    /// Opens a file that begins empty, or a pipe or a device. What is written is there at once, and others may open it meanwhile.
    /// </summary>
    /// <param name="path">Its path.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static FileStream? Open(string path, out string? problem)
    {
        if (path.Contains('\ufffd', StringComparison.Ordinal))
        {
            problem = "a name that is not UTF-8, which cannot be opened";
            return null;
        }

        try
        {
            problem = null;
            return new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
            });
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            problem = FileProblem.Of(path, e);
            return null;
        }
    }

    /// <summary>Writes a whole file.</summary>
    /// <exception cref="ImageException">It cannot be written.</exception>
    public static void Write(string path, byte[] bytes) => Writing(path, () => File.WriteAllBytes(path, bytes));

    /// <summary>
    /// Has a file written by something that puts a new one in the place of what was there. A link is followed, and what is no ordinary
    /// file, as a pipe or a device, stays what it is and gets the content.
    /// </summary>
    /// <exception cref="ImageException">It cannot be written.</exception>
    public static void Replace(string path, Action<string> write) => Writing(path, () =>
    {
        if (FileStatus.TryGet(path, out FileStatus status) != Errno.None)
        {
            write(path);
        }
        else if (status.IsRegular)
        {
            write(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);
        }
        else
        {
            using var place = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            string whole = Path.GetTempFileName();
            try
            {
                write(whole);
                using FileStream content = File.OpenRead(whole);
                content.CopyTo(place);
            }
            finally
            {
                File.Delete(whole);
            }
        }
    });

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
