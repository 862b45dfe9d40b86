namespace Cloister.Cli.Explaining;

/// <summary>Exceptions that come to the program, ends by a signal, and keys of another platform.</summary>
internal static class ExceptionCases
{
    /// <summary>The cases.</summary>
    public static IReadOnlyList<ExplainedCase> All { get; } =
    [
        new("#PF inside", "nothing is mapped there",
            "the program unmapped it, or never mapped the whole enclave: mmap of the device has to cover what the enclave uses"),
        new("#PF inside", "the mapping does not allow it",
            "mprotect, or mmap with fewer rights than the page has; what the enclave may do is the least of mapping and EPCM"),
        new("#PF inside", "the page is not accepted yet",
            "added by EAUG, and used before the enclave's EACCEPT or EACCEPTCOPY: the allocator inside has to accept what it gives out"),
        new("#PF inside", "a change of the page is not accepted yet",
            "MODIFY_TYPES changed its type, and the enclave has not accepted that (EACCEPT)"),
        new("#PF inside", "the page has not the permission",
            "a write to code or constants, or execution of data; permissions were restricted (EMODPR) or never extended (EMODPE)"),
        new("#PF inside", "the page is no memory of the enclave's",
            "a TCS, or a page that is trimmed: only the processor reads and writes it"),
        new("#PF inside", "there is no page",
            "an address in the enclave where nothing was added: a stack that overflowed, or heap beyond its end; with SGX2 it would be added, if the mapping allows and the EPC has room"),
        new("#PF inside", "the driver could not bring the page",
            "the EPC is full and nothing can be evicted, the mapping has more rights than the page was built with, or the machine lost power: SIGBUS"),
        new("#PF inside", "host memory",
            "a pointer that is NULL or wild, or one of the host's that is not mapped any more; an address in the low megabytes is mostly NULL and an offset"),
        new("#GP inside", "an instruction faults",
            "a non-canonical address (a pointer that was overwritten), an aligned SSE or AVX access to an address that is not aligned, a jump out of the enclave, or a privileged instruction"),
        new("#UD inside", "an instruction is illegal in an enclave",
            "CPUID, SYSCALL, INT, RDTSC on some processors and I/O do not execute inside: a library that was built for outside; or UD2 after a failed assertion (abort, panic)"),
        new("#DE inside", "a division", "by zero, or with a quotient that is too large"),
        new("#MF inside", "x87", "an exception of the x87 unit that is not masked"),
        new("#XM inside", "SSE or AVX", "an exception of SSE or AVX arithmetic that is not masked in MXCSR"),
        new("#AC inside", "an access that is not aligned", "EFLAGS.AC is set"),
        new("the program", "ended by a signal",
            "an exception that no handler took, or a signal that somebody sent; the one before it is explained above when it was an enclave's"),
        new("a key", "of another platform",
            "what was sealed on another machine, or with --platform new, does not open here: `cloister platform list`; it is said without --explain as well"),
    ];

    /// <summary>What usually causes it.</summary>
    public static string? Causes(string of, string outcome) =>
        All.FirstOrDefault(known => known.Of == of && known.Outcome == outcome)?.Causes
        ?? All.FirstOrDefault(known => known.Of == of)?.Causes;
}
