using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;

namespace Cloister.Engine.Programs;

/// <summary>A thread group of the program.</summary>
internal sealed class TracedProcess(int id, AddressSpace space) : HeldProcess(id)
{
    /// <summary>Its memory; replaced by exec.</summary>
    public AddressSpace Space { get; set; } = space;

    /// <inheritdoc/>
    public override HeldMemory Memory => Space.Held;

    /// <summary>Its living threads.</summary>
    public List<TracedThread> Threads { get; } = [];

    /// <summary>Whether it has the filter of device users: filters outlive exec, and fork passes them on.</summary>
    public bool IsDeviceUser { get; set; }

    /// <summary>A thread of it ended in the middle of what it did, which may have been a fork.</summary>
    public bool MayHaveForked { get; set; }
}
