using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>What EADD and EACCEPT check of a TCS. SDM 3D, EADD and EACCEPT.</summary>
internal static class TcsCheck
{
    // SDM 3D, "TCS": without CET everything from OCETSSA on is reserved.
    private const int ReservedFrom = 72;
    private const uint LimitBits = 0xfff;

    public static bool IsLegal(SgxMachine machine, in Tcs tcs, Attributes attributes) => FindDefect(machine, in tcs, attributes) is null;

    /// <summary>The first field that is not legal, its place in the TCS in bytes, what it must be and what it is; or null.</summary>
    public static (string Field, int Offset, string Expected, string Found)? FindDefect(SgxMachine machine, in Tcs tcs,
        Attributes attributes)
    {
        TcsFlags known = TcsFlags.Dbgoptin | (machine.Options.AexNotify ? TcsFlags.AexNotify : 0);
        if ((tcs.Flags & ~known) != 0)
        {
            return ("FLAGS", 8, $"bits within {(ulong)known:x}", $"{(ulong)tcs.Flags:x}");
        }

        ReadOnlySpan<byte> reserved = MemoryMarshal.AsBytes(new ReadOnlySpan<Tcs>(in tcs))[ReservedFrom..];
        if (!Zero.Is(reserved))
        {
            int first = reserved.IndexOfAnyExcept((byte)0);
            return ("reserved", ReservedFrom + first, "00", $"{reserved[first]:x2}");
        }

        return attributes.Flags.HasFlag(AttributeFlags.Mode64Bit) ? null
            : (tcs.Fslimit & LimitBits) != LimitBits ? ("FSLIMIT", 64, "fff in its lowest bits", $"{tcs.Fslimit:x}")
            : (tcs.Gslimit & LimitBits) != LimitBits ? ("GSLIMIT", 68, "fff in its lowest bits", $"{tcs.Gslimit:x}")
            : null;
    }
}
