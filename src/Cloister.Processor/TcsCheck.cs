using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>What EADD and EACCEPT check of a TCS. SDM 3D, EADD and EACCEPT.</summary>
internal static class TcsCheck
{
    // SDM 3D, "TCS": without CET everything from OCETSSA on is reserved.
    private const int ReservedFrom = 72;

    public static bool IsLegal(SgxMachine machine, in Tcs tcs, Attributes attributes)
    {
        TcsFlags known = TcsFlags.Dbgoptin | (machine.Options.AexNotify ? TcsFlags.AexNotify : 0);
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<Tcs>(in tcs));
        if ((tcs.Flags & ~known) != 0 || !Zero.Is(bytes[ReservedFrom..]))
        {
            return false;
        }

        return attributes.Flags.HasFlag(AttributeFlags.Mode64Bit)
            || ((tcs.Fslimit & 0xfff) == 0xfff && (tcs.Gslimit & 0xfff) == 0xfff);
    }
}
