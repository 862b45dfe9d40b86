using Cloister.Driver;

namespace Cloister.Engine.Observers;

/// <summary>Chooses places of enclaves' code.</summary>
/// <remarks>INT3 stands there, so a place must be where an instruction begins.</remarks>
public interface IChosenPlaces
{
    /// <summary>A page is about to be executed, or came back to where it can be.</summary>
    /// <param name="enclave">Whose.</param>
    /// <param name="process">A process that has it mapped; 0 where that is not known.</param>
    /// <param name="page">Its linear address.</param>
    /// <param name="code">What is in it.</param>
    /// <returns>Linear addresses in it.</returns>
    IEnumerable<ulong> PlacesIn(IOpenEnclave enclave, int process, ulong page, ReadOnlyMemory<byte> code);
}
