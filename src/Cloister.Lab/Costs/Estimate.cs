namespace Cloister.Lab.Costs;

/// <summary>What some counts would come to on hardware.</summary>
/// <param name="Low">Cycles by the least of the published figures.</param>
/// <param name="High">Cycles by the most of them.</param>
/// <param name="Missing">Events that happened and have no published figure: they are not in it.</param>
public readonly record struct Estimate(double Low, double High, IReadOnlyList<MachineEvent> Missing);
