using Cloister.Images.Symbols;

namespace Cloister.Cli.Explaining;

/// <summary>From a function to its caller.</summary>
internal static class Unwinding
{
    /// <summary>The rule of a function with a frame pointer that it has pushed, as the vDSO's (arch/x86/entry/vdso/vsgx.S).</summary>
    public static FrameRule FramePointer { get; } = new(IsFromRbp: true, 2 * sizeof(ulong), -2 * sizeof(ulong));

    /// <summary>Goes there.</summary>
    /// <param name="rule">Where the function's frame is.</param>
    /// <param name="read">Reads 8 bytes; null where they cannot be read.</param>
    /// <param name="rip">Where it stands; afterwards the return address.</param>
    /// <param name="rsp">The stack pointer.</param>
    /// <param name="rbp">The frame pointer.</param>
    /// <returns>False where the stack cannot be read.</returns>
    public static bool TryCaller(FrameRule rule, Func<ulong, ulong?> read, ref ulong rip, ref ulong rsp, ref ulong rbp)
    {
        ulong frame = unchecked((rule.IsFromRbp ? rbp : rsp) + (ulong)rule.Offset);
        if (rule.SavedRbp is { } saved)
        {
            if (read(unchecked(frame + (ulong)saved)) is not { } before)
            {
                return false;
            }

            rbp = before;
        }

        if (read(unchecked(frame - sizeof(ulong))) is not { } back)
        {
            return false;
        }

        (rip, rsp) = (back, frame);
        return true;
    }
}
