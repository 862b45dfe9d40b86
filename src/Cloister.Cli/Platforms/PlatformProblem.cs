namespace Cloister.Cli.Platforms;

/// <summary>What is wrong with a platform or its files, in one line, and the exit status for it.</summary>
internal sealed class PlatformProblem(string message, int status) : Exception(message)
{
    /// <summary>The exit status.</summary>
    public int Status => status;
}
