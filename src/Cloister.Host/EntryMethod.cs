namespace Cloister.Host;

/// <summary>How an enclave is entered.</summary>
public enum EntryMethod
{
    /// <summary>By the vDSO where it has the function, else inline.</summary>
    Automatic,

    /// <summary>By the function of the vDSO (Linux 5.11): an exception inside is no signal.</summary>
    Vdso,

    /// <summary>
    /// By an ENCLU of this process. Handlers for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP are put in front of the process's own.
    /// </summary>
    Inline,
}
