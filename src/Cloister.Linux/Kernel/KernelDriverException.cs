namespace Cloister.Linux.Kernel;

/// <summary>A kernel's driver that cannot be used, or cannot go on.</summary>
public sealed class KernelDriverException : Exception
{
    /// <summary>A file that is no driver, or one that does not start.</summary>
    /// <param name="path">The shared object.</param>
    /// <param name="message">Why.</param>
    /// <param name="inner">What was met.</param>
    public KernelDriverException(string path, string message, Exception? inner = null)
        : base(message, inner)
    {
        Path = path;
    }

    internal KernelDriverException(string path, string message, IReadOnlyList<ulong> frames)
        : base(message)
    {
        (Path, Frames, IsOfItsCode) = (path, frames, true);
    }

    /// <summary>The shared object.</summary>
    public string Path { get; }

    /// <summary>Whether the driver ran and cannot go on; else it cannot be used at all.</summary>
    public bool IsOfItsCode { get; }

    /// <summary>Where it was, as addresses in the shared object, the innermost call first.</summary>
    public IReadOnlyList<ulong> Frames { get; } = [];
}
