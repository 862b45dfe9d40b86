namespace Cloister.Engine.Platforms;

/// <summary>Something that happened to a thread. It stands until it is answered, unless it ended.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Thread">To which thread, by its id; it may not be known yet.</param>
internal readonly record struct ProgramEvent(EventKind Kind, int Thread)
{
    /// <summary>The signal: of <see cref="EventKind.Signal"/> and <see cref="EventKind.ProcessStopped"/>.</summary>
    public int Signal { get; init; }

    /// <summary>Whether it stands until the child has executed a program or ended: of <see cref="EventKind.ChildMade"/>.</summary>
    public bool IsVfork { get; init; }

    /// <summary>With what it ended by itself: of <see cref="EventKind.Ended"/>.</summary>
    public int? ExitStatus { get; init; }

    /// <summary>The signal that ended it: of <see cref="EventKind.Ended"/>.</summary>
    public int? EndedBy { get; init; }

    /// <summary>The platform's own note of it.</summary>
    public int Token { get; init; }

    /// <summary>Whether the thread stands.</summary>
    public bool Stands => Kind != EventKind.Ended;
}
