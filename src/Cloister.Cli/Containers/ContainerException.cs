namespace Cloister.Cli.Containers;

/// <summary>A container that cannot be given the machine, in a sentence.</summary>
internal sealed class ContainerException(string message, int status = Failure.Usage, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The exit status that says so.</summary>
    public int Status { get; } = status;
}
