using Cloister.Engine.Memory;

namespace Cloister.Engine.Kernel;

/// <summary>An address space as the kernel's driver has it: an mm_struct, and what was mapped there when it was told last.</summary>
internal sealed class FollowedSpace(ulong name, nint handle, AddressSpace space)
{
    /// <summary>What the driver's questions call it.</summary>
    public ulong Name => name;

    /// <summary>struct mm_struct.</summary>
    public nint Handle => handle;

    /// <summary>The engine's.</summary>
    public AddressSpace Space => space;

    /// <summary>The device's mappings as they were told, by address.</summary>
    public IReadOnlyList<EnclaveMapping> Told { get; set; } = [];

    /// <summary>Of which version of the books that is.</summary>
    public int? Version { get; private set; }

    /// <summary>What is mapped now is about to be told.</summary>
    /// <returns>What was told before.</returns>
    public IReadOnlyList<EnclaveMapping> Tell()
    {
        IReadOnlyList<EnclaveMapping> before = Told;
        (Told, Version) = ([.. space.Mappings.All], space.Mappings.Version);
        return before;
    }
}
