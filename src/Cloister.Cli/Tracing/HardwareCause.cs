namespace Cloister.Cli.Tracing;

/// <summary>What one kind of event would have cost on hardware.</summary>
/// <param name="Event">Its name, as <c>lab costs</c> has it.</param>
/// <param name="Count">How often it came.</param>
/// <param name="Low">Cycles by the least of the published figures.</param>
/// <param name="High">Cycles by the most of them.</param>
/// <param name="Source">Where the figures stand.</param>
internal sealed record HardwareCause(string Event, long Count, double Low, double High, string Source);
