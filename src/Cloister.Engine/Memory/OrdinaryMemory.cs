using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>What the page tables say of a program's memory that is not the device's. Asked at faults only: the answer
/// is read from /proc.</summary>
internal static class OrdinaryMemory
{
    /// <summary>One access, as it ends after the kernel's page fault handler: what it would bring in counts as there.</summary>
    /// <remarks>Linux, arch/x86/mm/fault.c, access_error: it refuses writes by the mapping, present or not, and a
    /// fetch only when the page is present.</remarks>
    public static PageWalk Walk(AddressSpace space, ulong address, AccessKind access)
    {
        int? protection = ProtectionAt(space, address);
        if (protection is null or MemoryProtection.None)
        {
            return PageWalk.NotPresent;
        }

        bool allowed = access == AccessKind.Read || (protection & EnclaveMapping.ProtectionFor(access)) != 0;
        if (allowed)
        {
            return PageWalk.Ordinary;
        }

        return access == AccessKind.Execute || IsPresent(space, address) ? PageWalk.Denied : PageWalk.NotPresent;
    }

    /// <summary>Whether anything is mapped at an address.</summary>
    public static bool IsMapped(AddressSpace space, ulong address) => ProtectionAt(space, address) is not null;

    // PROT_ bits; null when nothing is mapped.
    private static int? ProtectionAt(AddressSpace space, ulong address)
    {
        if (space.InElrange.HiddenProtection(address) is { } hidden)
        {
            return hidden;
        }

        // Of a process that is not dumpable an ordinary user can read nothing: its memory counts as there.
        int? protection = MapsLine.ProtectionAt(space.Memory.Thread, address, out bool isKnown);
        return isKnown ? protection : MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Execute;
    }

    // Bit 63 of a page's entry: Documentation/admin-guide/mm/pagemap.rst.
    private static bool IsPresent(AddressSpace space, ulong address)
    {
        Span<byte> entry = stackalloc byte[8];
        using HostFile? pagemap = HostFile.TryOpen(ProcPath.Of(space.Memory.Thread, "pagemap"), out _);
        return pagemap?.TryReadExactly(entry, (long)(address >> 12) * 8) == true && entry[7] >> 7 != 0;
    }
}
