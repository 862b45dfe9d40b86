namespace Cloister.Engine.Observers;

/// <summary>A system call that makes, changes or takes away a mapping of the device.</summary>
/// <param name="Name">mmap, mprotect, munmap, mremap, madvise or what it is called.</param>
/// <param name="Start">First byte of its range; for mmap 0 where the kernel chooses.</param>
/// <param name="Length">Bytes of its range.</param>
/// <param name="Protection">PROT_ bits that it asks for, or the advice of madvise; 0 where there is none.</param>
/// <param name="Eid">SECS.EID of the enclave; 0 where there is none yet.</param>
public readonly record struct MappingCall(string Name, ulong Start, ulong Length, int Protection, ulong Eid);
