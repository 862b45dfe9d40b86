namespace Cloister.Linux;

/// <summary>PROT_ and MAP_ bits of mmap(2). Source: uapi asm-generic/mman-common.h.</summary>
public static class MemoryProtection
{
    /// <summary>PROT_NONE.</summary>
    public const int None = 0;
    /// <summary>PROT_READ.</summary>
    public const int Read = 1;
    /// <summary>PROT_WRITE.</summary>
    public const int Write = 2;
    /// <summary>PROT_EXEC.</summary>
    public const int Execute = 4;
    /// <summary>MAP_SHARED.</summary>
    public const int Shared = 1;
    /// <summary>MAP_PRIVATE.</summary>
    public const int Private = 2;
    /// <summary>The bits of the mapping type (MAP_TYPE).</summary>
    public const int TypeMask = 0xf;
    /// <summary>MAP_FIXED.</summary>
    public const int Fixed = 0x10;
    /// <summary>MAP_ANONYMOUS.</summary>
    public const int Anonymous = 0x20;
    /// <summary>MAP_LOCKED.</summary>
    public const int Locked = 0x2000;
    /// <summary>MAP_NORESERVE.</summary>
    public const int NoReserve = 0x4000;
    /// <summary>MAP_POPULATE.</summary>
    public const int Populate = 0x8000;
    /// <summary>MAP_FIXED_NOREPLACE.</summary>
    public const int FixedNoReplace = 0x100000;
    /// <summary>Both bits that say where it has to be; with <see cref="FixedNoReplace"/> nothing is replaced.</summary>
    public const int TypeOfPlace = Fixed | FixedNoReplace;
}
