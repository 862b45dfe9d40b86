namespace Cloister.Engine.Observers;

/// <summary>A process of the program.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Threads">Its threads.</param>
/// <param name="Mappings">What it has mapped of the device, in the order of addresses.</param>
public sealed record ObservedProcess(int Id, IReadOnlyList<IObservedThread> Threads, IReadOnlyList<ObservedMapping> Mappings);
