namespace Cloister.Engine.Debugging;

/// <summary>A process stands for its debugger, or has ended.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Thread">The thread that it is about, by its id; the process's id when it has ended.</param>
public readonly record struct DebugStop(DebugStopKind Kind, int Thread)
{
    /// <summary>The number of the signal: of <see cref="DebugStopKind.Signal"/> and <see cref="DebugStopKind.Killed"/>.</summary>
    public int Signal { get; init; }

    /// <summary>What it ended with: of <see cref="DebugStopKind.Exited"/>.</summary>
    public int ExitStatus { get; init; }
}
