namespace Cloister.Engine.Memory;

/// <summary>Hears that what an address space has mapped of device files changed.</summary>
internal interface IMappingObserver
{
    /// <summary>A range is not mapped any more as it was.</summary>
    /// <param name="space">The address space.</param>
    /// <param name="start">First byte.</param>
    /// <param name="end">Behind the last byte.</param>
    /// <param name="unreachable">The files whose pages there cannot be reached any more.</param>
    void Remapped(AddressSpace space, ulong start, ulong end, IReadOnlyCollection<EnclaveFile> unreachable);
}
