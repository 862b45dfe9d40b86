namespace Cloister.Linux.Kernel;

/// <summary>
/// What the kernel's driver asks of the machine and of the kernel around it (native/linux-driver/embedding.h). Address spaces have the
/// names that <see cref="KernelDriver"/> was given for them.
/// </summary>
public interface IKernelDriverHost
{
    /// <summary>
    /// Whether no page of the EPC is valid when the driver starts: it is not asked then for each page's EREMOVE, which would do nothing.
    /// </summary>
    bool EpcIsUnused => false;

    /// <summary>A leaf of ENCLS.</summary>
    /// <param name="leaf">EAX.</param>
    /// <param name="rbx">RBX, an address of the driver's or a value.</param>
    /// <param name="rcx">RCX, mostly an address in <see cref="KernelDriver.Epc"/>.</param>
    /// <param name="rdx">RDX.</param>
    /// <param name="rbxOut">RBX afterwards, where the leaf gives something back.</param>
    /// <returns>0, an SGX error, or 0x40000000 and the number of an exception.</returns>
    int Encls(uint leaf, ulong rbx, ulong rcx, ulong rdx, out ulong rbxOut);

    /// <summary>Copies from a program; false when a byte of it cannot be read.</summary>
    bool ReadUser(ulong addressSpace, ulong source, Span<byte> destination);

    /// <summary>Copies to a program; false when a byte of it cannot be written.</summary>
    bool WriteUser(ulong addressSpace, ulong destination, ReadOnlySpan<byte> source);

    /// <summary>A page table has a new entry.</summary>
    void EntrySet(ulong addressSpace, ulong address, ulong frame);

    /// <summary>Entries of a page table are gone.</summary>
    void EntriesCleared(ulong addressSpace, ulong address, ulong length);

    /// <summary>Whether a page was accessed since this was asked last.</summary>
    bool TestAndClearYoung(ulong addressSpace, ulong address);

    /// <summary>The interrupt that has every thread leave the enclave that ETRACK was executed for last.</summary>
    void Interrupt();

    /// <summary>Whether a signal waits for the caller.</summary>
    bool IsSignalPending(ulong addressSpace);

    /// <summary>CPUID: EAX to EDX.</summary>
    void Cpuid(uint leaf, uint subleaf, Span<uint> registers);

    /// <summary>Whether the processor has a feature (X86_FEATURE_... of native/linux-driver/kernel/processors.h).</summary>
    bool HasFeature(int feature);

    /// <summary>WRMSR.</summary>
    void WriteMsr(uint number, ulong value);

    /// <summary>
    /// Whether it keeps mappings and descriptors itself: it follows (<see cref="KernelDriver.Follow"/>) what is mapped of devices, and
    /// answers the next two questions.
    /// </summary>
    bool KeepsMappings => false;

    /// <summary>Whether the first mapping that ends behind an address of ordinary memory may be made executable; null for none.</summary>
    bool? MayExecuteMemory(ulong addressSpace, ulong address) => null;

    /// <summary>The driver's file that a descriptor stands for, or 0.</summary>
    nint FileOf(ulong addressSpace, int descriptor) => 0;

    /// <summary>SHA-256.</summary>
    void Sha256(ReadOnlySpan<byte> data, Span<byte> digest);

    /// <summary>A line of the driver's: the kernel's level, 1 for a WARN, 0 for what cannot go on.</summary>
    void Log(int level, string text);
}
