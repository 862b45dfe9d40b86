using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>A thread ended while something was being done to it; what was begun for it is dropped.</summary>
internal sealed class ThreadEndedException(int thread, WaitStatus? status = null) : Exception($"thread {thread} ended")
{
    /// <summary>Thread id.</summary>
    public int Thread { get; } = thread;

    /// <summary>How it ended, where wait said so already; else wait will.</summary>
    public WaitStatus? Status { get; } = status;
}
