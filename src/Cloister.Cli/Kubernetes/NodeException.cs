namespace Cloister.Cli.Kubernetes;

/// <summary>A node that cannot be given the machine, in a sentence.</summary>
internal sealed class NodeException(string message, int status = Failure.Unavailable, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The exit status that says so.</summary>
    public int Status { get; } = status;
}
