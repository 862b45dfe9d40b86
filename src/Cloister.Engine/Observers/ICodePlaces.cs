using Cloister.Driver;

namespace Cloister.Engine.Observers;

/// <summary>Chooses places of enclaves' code, and hears of each when it is about to be executed for the first time.</summary>
/// <remarks>INT3 stands there until then, so a place must be where an instruction begins. No asynchronous exit comes of it.</remarks>
public interface ICodePlaces
{
    /// <summary>A page is about to be executed, or came back to where it can be.</summary>
    /// <param name="enclave">Whose.</param>
    /// <param name="process">A process that has it mapped; 0 where that is not known.</param>
    /// <param name="page">Its linear address.</param>
    /// <param name="code">What is in it.</param>
    /// <returns>Linear addresses in it. Those that were reached are not asked for again.</returns>
    IEnumerable<ulong> PlacesIn(IOpenEnclave enclave, int process, ulong page, ReadOnlyMemory<byte> code);

    /// <summary>A thread is about to execute what is at a place.</summary>
    /// <param name="thread">Which.</param>
    /// <param name="enclave">Whose code.</param>
    /// <param name="address">The place.</param>
    void Reached(IObservedThread thread, IOpenEnclave enclave, ulong address);
}
