using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>What leaves check of a SECINFO.</summary>
internal static class SecinfoCheck
{
    // SDM 3D, SECINFO.FLAGS: bits 7:6 and 63:16.
    private const ulong ReservedFlags = ~0xffffUL | 0xc0;

    public static bool ReservedIsZero(in Secinfo secinfo)
        => ((ulong)secinfo.Flags & ReservedFlags) == 0 && Zero.Is(secinfo.Reserved);
}
