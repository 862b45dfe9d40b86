namespace Cloister.Linux;

/// <summary>A system call of Cloister's own failed.</summary>
public sealed class LinuxException : Exception
{
    /// <summary>Names the call and its error number.</summary>
    public LinuxException(string call, Errno errno) : base($"{call}: {errno}")
    {
        Call = call;
        Errno = errno;
    }

    /// <summary>The system call, as in its manual page.</summary>
    public string Call { get; }

    /// <summary>What the kernel answered.</summary>
    public Errno Errno { get; }
}
