namespace Cloister.Linux;

/// <summary>A standard stream of this process could not be written.</summary>
public sealed class StreamException(Errno errno) : IOException($"the output could not be written: {errno switch
{
    Errno.EBADF => "it is closed",
    Errno.ENOSPC => "no space left on the device",
    Errno.EIO => "input or output error",
    _ => errno.ToString(),
}}")
{
    /// <summary>What the kernel answered.</summary>
    public Errno Errno { get; } = errno;
}
