namespace Cloister.Engine.Debugging;

/// <summary>What a debugger wants of a thread that stands.</summary>
/// <param name="Steps">Whether it stands again when it has executed an instruction.</param>
public readonly record struct ThreadOrder(bool Steps)
{
    /// <summary>The signal that it gets; 0 for none, also where it stands for one.</summary>
    public int Signal { get; init; }

    /// <summary>It steps on while it is at this address or above it, and below <see cref="RangeEnd"/>.</summary>
    public ulong RangeStart { get; init; }

    /// <summary>Behind the range's last byte; 0 for no range.</summary>
    public ulong RangeEnd { get; init; }
}
