using System.Buffers.Binary;

namespace Cloister.Engine.Stubs;

/// <summary>Where the target of a jump may lie: addresses from a first one to a last one.</summary>
/// <param name="First">The lowest address.</param>
/// <param name="Last">The highest address, above the first.</param>
internal readonly record struct JumpTargets(ulong First, ulong Last)
{
    private const ulong NearReach = 1UL << 30, LowestPage = 0x10000, UserEnd = 0x7fff_ffff_f000;
    private const int LongJump = 5;

    /// <summary>What lies between, halved.</summary>
    public ulong Middle => First + (Last - First) / 2;

    /// <summary>A long jump anywhere near an address.</summary>
    public static JumpTargets Near(ulong address) => new(address > NearReach ? address - NearReach : 0,
        Math.Min(address + NearReach, UserEnd));

    /// <summary>A long jump whose last two bytes are those that follow an ENCLU. Null when it would leave user space.</summary>
    /// <param name="site">The address of the ENCLU.</param>
    /// <param name="following">What stands behind it: two bytes at least.</param>
    public static JumpTargets? Of(ulong site, ReadOnlySpan<byte> following)
    {
        long upper = (long)BinaryPrimitives.ReadInt16LittleEndian(following) << 16;
        long first = (long)site + LongJump + upper;
        return first >= (long)LowestPage && first + ushort.MaxValue < (long)UserEnd
            ? new((ulong)first, (ulong)first + ushort.MaxValue) : null;
    }
}
