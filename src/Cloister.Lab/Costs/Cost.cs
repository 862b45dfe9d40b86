namespace Cloister.Lab.Costs;

/// <summary>What an event costs on hardware.</summary>
/// <param name="Event">The event.</param>
/// <param name="Low">The least of the published figures, cycles; null when there is none.</param>
/// <param name="High">The most of them, cycles; null when there is none.</param>
/// <param name="Covers">Events whose cost is in this one's.</param>
/// <param name="Source">Where the figures stand; null when there is none.</param>
/// <param name="Machine">The processor they are of.</param>
/// <param name="Note">What else to know.</param>
public sealed record Cost(MachineEvent Event, double? Low, double? High, IReadOnlyList<MachineEvent> Covers, string? Source,
    string? Machine, string? Note)
{
    /// <summary>Whether there is a figure.</summary>
    public bool IsKnown => Low is not null;
}
