namespace Cloister.Engine.Platforms;

/// <summary>Where Cloister's own pages lie in every traced address space.</summary>
/// <remarks>The address is the same everywhere because the seccomp filter, which is inherited over exec, lets system calls from here pass.
/// It lies below the mmap area and the stack (arch/x86/mm/mmap.c: by default they begin above 0x7efb'0000'0000 and grow downward for
/// gigabytes), and where the sanitizers keep neither shadow nor heap: ThreadSanitizer's programs may use
/// 0x7e80'0000'0000 and up, MemorySanitizer's 0x7000'0000'0000 and up, AddressSanitizer's all above 0x1000'7fff'8000 (compiler-rt:
/// tsan_platform.h, msan.h, asan_mapping.h).</remarks>
internal static class Area
{
    /// <summary>First byte.</summary>
    public const ulong Base = 0x7e90_0000_0000;

    /// <summary>The gadget that makes system calls for the tracer; readable and executable.</summary>
    public const ulong Gadget = Base;

    /// <summary>Code in the gadget's page that makes the mprotect calls of a list: R8 is the list, of three u64 each (address, length,
    /// protection) up to a length of 0, and R9 where the address lies at which it goes on. RAX, RCX, RDX, RSI, RDI, R8 and R11
    /// change.</summary>
    public const ulong ProtectCalls = Gadget + 128;

    /// <summary>Bytes of that code.</summary>
    public const int ProtectCallsLength = 32;

    /// <summary>The table of calls and the data they point to; shared with the tracer.</summary>
    public const ulong Table = Base + 0x1000;

    /// <summary>Bytes of the table page range.</summary>
    public const int TableLength = 0xf000;

    /// <summary>Offset in the table where data of the calls begins.</summary>
    public const int DataOffset = 0x1000;

    /// <summary>The synthesized vDSO; readable and executable.</summary>
    public const ulong Vdso = Base + 0x10000;

    /// <summary>Bytes of the vDSO.</summary>
    public const int VdsoLength = 0x2000;

    /// <summary>The tables of the fast path; readable and writable.</summary>
    public const ulong Fast = Base + 0x400000;

    /// <summary>Where a page of an enclave waits while the host looks at the abort page; not mapped otherwise.</summary>
    public const ulong Aside = Base + 0x80000;

    /// <summary>Bytes from <see cref="Base"/> on in which nothing lies but Cloister's.</summary>
    public const ulong Reserved = 1UL << 32;

    /// <summary>Bytes of all.</summary>
    public const int Length = 0x12000;
}
