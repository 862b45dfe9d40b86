using Cloister.Driver;

namespace Cloister.Engine.Observers;

/// <summary>Chooses places of enclaves' code at which threads are interrupted each time that they come there.</summary>
public interface IInterruptPlaces : IChosenPlaces
{
    /// <summary>A thread is about to execute what is at a place.</summary>
    /// <param name="enclave">Whose code.</param>
    /// <param name="address">The place.</param>
    /// <returns>What orders that it is interrupted, as it is written; null where nothing does this time.</returns>
    string? DueAt(IOpenEnclave enclave, ulong address);
}
