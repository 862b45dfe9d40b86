namespace Cloister.Linux;

/// <summary>A page of the host: x86-64 has one size that every mapping is a multiple of.</summary>
public static class HostPage
{
    /// <summary>Bytes.</summary>
    public const int Size = 4096;

    private const ulong Mask = Size - 1;

    /// <summary>The first byte of the page of an address.</summary>
    public static ulong Start(ulong address) => address & ~Mask;

    /// <summary>How far an address is into its page.</summary>
    public static int Offset(ulong address) => (int)(address & Mask);

    /// <summary>Whether an address, or a length, is a multiple of a page.</summary>
    public static bool IsMultiple(ulong address) => (address & Mask) == 0;

    /// <summary>
    /// The bytes of as many pages as so many bytes take; 0 where that is beyond 64 bits, as the kernel's PAGE_ALIGN has it.
    /// </summary>
    public static ulong Whole(ulong bytes) => unchecked(bytes + Mask) & ~Mask;
}
