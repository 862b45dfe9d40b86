namespace Cloister.Linux;

/// <summary>Names of files of a process or thread in /proc.</summary>
/// <remarks>
/// Joined, not interpolated: the first interpolated string of a process costs a good part of a millisecond, and every start waits.
/// </remarks>
public static class ProcPath
{
    /// <summary>A file of a process or thread: <c>/proc/ID/NAME</c>.</summary>
    public static string Of(int id, string name) => string.Concat("/proc/", Text(id), "/", name);

    /// <summary>What a descriptor of a process or thread leads to: <c>/proc/ID/fd/DESCRIPTOR</c>.</summary>
    public static string OfDescriptor(int id, int descriptor) => string.Concat(Of(id, "fd/"), Text(descriptor));

    /// <summary>The current directory of a thread; null when it may not be asked for.</summary>
    public static string? Directory(int thread)
    {
        try
        {
            return File.ResolveLinkTarget(Of(thread, "cwd"), false)?.FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // No culture writes a number without a sign otherwise.
    private static string Text(int number) => number.ToString(provider: null);
}
