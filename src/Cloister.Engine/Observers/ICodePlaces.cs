using Cloister.Driver;

namespace Cloister.Engine.Observers;

/// <summary>Chooses places of enclaves' code, and hears of each when it is about to be executed for the first time.</summary>
/// <remarks>INT3 stands there until then, and no asynchronous exit comes of it. Those that were reached are not asked for again.</remarks>
public interface ICodePlaces : IChosenPlaces
{
    /// <summary>A thread is about to execute what is at a place.</summary>
    /// <param name="thread">Which.</param>
    /// <param name="enclave">Whose code.</param>
    /// <param name="address">The place.</param>
    void Reached(IObservedThread thread, IOpenEnclave enclave, ulong address);
}
