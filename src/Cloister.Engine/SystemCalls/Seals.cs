using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>mseal: mappings that the program cannot change any more. The device's are sealed in the books, for
/// Cloister has to go on changing what the kernel has of them.</summary>
internal static class Seals
{

    /// <summary>mseal(2), Linux 6.10: mm/mseal.c, do_mseal.</summary>
    public static Answer Seal(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length, ulong flags) = (r.Rdi, HostPage.Whole(r.Rsi), r.Rdx);
        (ulong end, AddressSpace space) = (unchecked(start + length), thread.Space);
        if (flags != 0 || !HostPage.IsMultiple(start) || end <= start || (space.Mappings.Within(start, end).Count == 0
            && !Touches(start, end, Area.Base, Area.Base + Area.Reserved)))
        {
            return Answer.Pass;
        }

        // Nothing, which an older kernel does not know how to seal.
        long known = new RemoteCalls().Add(SystemCall.Mseal, 0, 0, 0).Run(thread)[0];
        if (known < 0)
        {
            return Answer.Made(known);
        }

        if (!IsWhole(HeldMappings.Of(thread), start, end))
        {
            return Answer.Made(-(long)Errno.ENOMEM);
        }

        foreach ((ulong first, ulong last, EnclaveMapping? device) in space.Mappings.Pieces(start, end))
        {
            long result = device is null ? SealOrdinary(thread, first, last) : 0;
            if (result < 0)
            {
                return Answer.Made(result);
            }

            if (device is not null)
            {
                space.Mappings.Add(device with { IsSealed = true });
            }
        }

        return Answer.Made(0);
    }

    // But for Cloister's own pages.
    private static long SealOrdinary(TracedThread thread, ulong start, ulong end)
    {
        var calls = new RemoteCalls();
        foreach ((ulong first, ulong last) in new[] { (start, Math.Min(end, Area.Base)),
            (Math.Max(start, Area.Base + Area.Reserved), end) })
        {
            if (first < last)
            {
                calls.Add(SystemCall.Mseal, first, last - first, 0);
            }
        }

        return calls.Count == 0 ? 0 : calls.Run(thread).Min();
    }

    private static bool IsWhole(List<MapsLine> lines, ulong start, ulong end)
    {
        foreach (MapsLine line in lines)
        {
            start = line.Start <= start && start < line.End ? line.End : start;
        }

        return start >= end;
    }

    private static bool Touches(ulong start, ulong end, ulong first, ulong last) => start < last && first < end;
}
