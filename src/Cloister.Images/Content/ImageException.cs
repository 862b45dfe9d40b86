namespace Cloister.Images;

/// <summary>A file is not what it says it is: truncated, contradictory, or of a kind that no reader knows.</summary>
public sealed class ImageException : Exception
{
    /// <summary>Without a message.</summary>
    public ImageException()
    {
    }

    /// <summary>What is wrong, in one sentence without a final stop.</summary>
    public ImageException(string message)
        : base(message)
    {
    }

    /// <summary>What is wrong, and what it comes from.</summary>
    public ImageException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>What is wrong, and where in the file.</summary>
    /// <param name="message">One sentence without a final stop.</param>
    /// <param name="offset">Bytes from the beginning of the file.</param>
    public ImageException(string message, long offset)
        : base($"{message} (at file offset 0x{offset:x})") => Offset = offset;

    /// <summary>Bytes from the beginning of the file, when the place is known.</summary>
    public long? Offset { get; }
}
