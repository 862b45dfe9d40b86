using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>One mapping of a device file in a process, as the program asked for it.</summary>
/// <param name="Start">First byte, page aligned.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Protection">PROT_ bits (<see cref="MemoryProtection"/>).</param>
/// <param name="File">What is mapped.</param>
/// <param name="Delta">What is added to a linear address to get the offset in the file: 0 for an enclave, whose file
/// offset is the address.</param>
internal sealed record EnclaveMapping(ulong Start, ulong End, int Protection, EnclaveFile File, ulong Delta = 0)
{
    /// <summary>The offset from the enclave's base (or the virtual EPC's first byte) of what is mapped at an address.</summary>
    public ulong OffsetOf(ulong address) => unchecked(address + Delta) - File.Base;

    /// <summary>The address at which an offset is mapped, if it is.</summary>
    public ulong? AddressOf(ulong offset) => unchecked(offset + File.Base - Delta) is var address && Contains(address) ? address : null;

    /// <summary>Whether the child of a fork has it: until madvise(MADV_DONTFORK).</summary>
    public bool CopiesOnFork { get; init; } = true;

    /// <summary>Whether it stays as it is until the program ends or execs: mseal(2).</summary>
    public bool IsSealed { get; init; }

    public bool Contains(ulong address) => address >= Start && address < End;

    public bool Allows(int protection) => (Protection & protection) == protection;

    /// <summary>Whether it has any right: Linux, vma_is_accessible.</summary>
    public bool IsAccessible => Protection != MemoryProtection.None;

    /// <summary>Whether its page-table entries allow an access. What can be written or executed can be read.</summary>
    public bool Grants(AccessKind access) => access == AccessKind.Read ? IsAccessible : Allows(ProtectionFor(access));

    /// <summary>The PROT_ bit an access needs.</summary>
    public static int ProtectionFor(AccessKind access) => access switch
    {
        AccessKind.Write => MemoryProtection.Write,
        AccessKind.Execute => MemoryProtection.Execute,
        _ => MemoryProtection.Read,
    };
}
