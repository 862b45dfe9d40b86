using Cloister.Architecture;

namespace Cloister.Engine.Observers;

/// <summary>A page of an address space as the device's books have it.</summary>
/// <param name="IsMapped">Whether a mapping of the device is there.</param>
/// <param name="Protection">PROT_ bits of the mapping, as the program asked for them.</param>
/// <param name="IsPresent">Whether an EPC page is installed.</param>
/// <param name="Page">Which.</param>
public readonly record struct ObservedPage(bool IsMapped, int Protection, bool IsPresent, EpcPage Page);
