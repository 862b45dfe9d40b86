namespace Cloister.Attestation;

/// <summary>A file or a message is not what it says it is: cut, contradictory, or of another kind.</summary>
public sealed class AttestationException : Exception
{
    /// <summary>Without a message.</summary>
    public AttestationException()
    {
    }

    /// <summary>What is wrong, in one sentence without a final stop.</summary>
    public AttestationException(string message)
        : base(message)
    {
    }

    /// <summary>What is wrong, and what it comes from.</summary>
    public AttestationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
