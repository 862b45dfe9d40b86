using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>A mapping of the device.</summary>
/// <param name="AddressSpace">Where it is.</param>
/// <param name="Start">First address.</param>
/// <param name="End">The address behind the last.</param>
internal readonly record struct MappedRange(IAddressSpace AddressSpace, LinearAddress Start, LinearAddress End)
{
    public bool Contains(IAddressSpace addressSpace, LinearAddress address) =>
        ReferenceEquals(addressSpace, AddressSpace) && Start <= address && address < End;
}
