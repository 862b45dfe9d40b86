namespace Cloister.Engine.Platforms;

/// <summary>A thread ended while something was being done to it; what was begun for it is dropped.</summary>
internal sealed class ThreadEndedException(int thread, ProgramEvent? told = null) : Exception($"thread {thread} ended")
{
    /// <summary>Thread id.</summary>
    public int Thread { get; } = thread;

    /// <summary>How it ended, where the platform was told already; else it will be.</summary>
    public ProgramEvent? Told { get; } = told;
}
