namespace Cloister.Cli.Kernel;

/// <summary>Why the kernel's driver cannot be built here, in one line, and the exit status for it.</summary>
internal sealed class KernelProblem(string message, int status) : Exception(message)
{
    /// <summary>The exit status.</summary>
    public int Status => status;
}
