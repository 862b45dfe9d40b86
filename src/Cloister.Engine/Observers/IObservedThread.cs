using Cloister.Processor;

namespace Cloister.Engine.Observers;

/// <summary>A thread of the program as observers see it: while it is stopped, and without a way to change it.</summary>
public interface IObservedThread
{
    /// <summary>Thread id.</summary>
    int Id { get; }

    /// <summary>Id of its process.</summary>
    int ProcessId { get; }

    /// <summary>The model's side of it.</summary>
    LogicalProcessor Processor { get; }

    /// <summary>Where it stands, in host or enclave; 0 when it has ended.</summary>
    ulong Rip { get; }

    /// <summary>Its stack pointer; 0 when it has ended.</summary>
    ulong Rsp { get; }

    /// <summary>Its frame pointer; 0 when it has ended.</summary>
    ulong Rbp { get; }

    /// <summary>What the device's books have at an address of its program.</summary>
    ObservedPage PageAt(ulong address);

    /// <summary>Reads memory of its program; what is enclave memory reads as the program would read it.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="buffer">The bytes.</param>
    /// <returns>Whether all could be read.</returns>
    bool TryRead(ulong address, Span<byte> buffer);
}
