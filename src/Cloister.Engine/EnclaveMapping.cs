using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>One mapping of a device file in a process, as the program asked for it.</summary>
/// <param name="Start">First byte, page aligned.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Protection">PROT_ bits (<see cref="MemoryProtection"/>).</param>
/// <param name="File">What is mapped.</param>
internal sealed record EnclaveMapping(ulong Start, ulong End, int Protection, EnclaveFile File)
{
    public bool Contains(ulong address) => address >= Start && address < End;

    public bool Allows(int protection) => (Protection & protection) == protection;
}
