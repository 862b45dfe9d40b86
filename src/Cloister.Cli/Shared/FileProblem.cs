using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>What went wrong with a file, in words; the framework's tell of its own types and name the path twice.</summary>
internal static class FileProblem
{
    /// <summary>Whether an exception tells of a file.</summary>
    public static bool IsOne(Exception exception) => exception is IOException or UnauthorizedAccessException or NotSupportedException
        or ArgumentException;

    /// <summary>Its words, without the file's name.</summary>
    public static string Of(string path, Exception exception) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file or directory",
        UnauthorizedAccessException when Directory.Exists(path) => "a directory",
        UnauthorizedAccessException => "permission denied",
        PathTooLongException => "its name is too long",
        ArgumentException when path.Length == 0 => "a file's name is needed, and it is empty",

        // The framework keeps the kernel's number there.
        IOException { HResult: > 0 and < 4096 } => Of((Errno)exception.HResult),
        _ => exception.Message.ReplaceLineEndings(" "),
    };

    /// <summary>What a number of the kernel's says.</summary>
    public static string Of(Errno error) => error switch
    {
        Errno.ENOSPC => "no space left on the device",
        Errno.EISDIR => "a directory",
        Errno.ENOTDIR => "a part of the path is no directory",
        Errno.ENOENT => "no such file or directory",
        Errno.EACCES or Errno.EPERM => "permission denied",
        Errno.ENAMETOOLONG => "its name is too long",
        Errno.EROFS => "a file system that is read-only",
        var other => other.ToString(),
    };
}
