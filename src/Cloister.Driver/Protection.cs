namespace Cloister.Driver;

/// <summary>
/// PROT_READ, PROT_WRITE and PROT_EXEC with their values of include/uapi/asm-generic/mman-common.h:
/// what a mapping asks for, and (<c>vm_max_prot_bits</c>) the most an enclave page ever grants.
/// </summary>
[Flags]
public enum Protection : byte
{
    /// <summary>PROT_NONE.</summary>
    None = 0,

    /// <summary>PROT_READ.</summary>
    Read = 1,

    /// <summary>PROT_WRITE.</summary>
    Write = 2,

    /// <summary>PROT_EXEC.</summary>
    Execute = 4,
}
