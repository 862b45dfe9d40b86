using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>mlock and its kin: the device's mappings are passed over (mm/mlock.c, mlock_fixup: VM_SPECIAL; mm/gup.c,
/// __mm_populate: VM_IO).</summary>
/// <remarks>What is to be locked is first locked as it is faulted in, so that the kernel makes all its checks and
/// brings in nothing; then the device's mappings are unlocked, and the rest is brought in.</remarks>
internal static class MemoryLocks
{
    private const ulong OnFault = 1;

    /// <summary>mlock and mlock2 of a range.</summary>
    public static Answer Lock(TracedThread thread, ulong flags)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong end) = (HostPage.Start(r.Rdi), HostPage.Whole(r.Rdi + r.Rsi));
        List<(ulong Start, ulong End, EnclaveMapping? Device)> pieces = end > start ? thread.Space.Mappings.Pieces(start, end) : [];
        if (flags is not (0 or OnFault) || pieces.TrueForAll(piece => piece.Device is null))
        {
            return Answer.Pass;
        }

        var calls = new RemoteCalls().Add(SystemCall.Mlock2, start, end - start, OnFault);
        foreach ((ulong first, ulong last, _) in pieces.Where(piece => piece.Device is not null))
        {
            calls.Add(SystemCall.Munlock, first, last - first);
        }

        long result = calls.Run(thread)[0];
        if (result == 0 && flags == 0)
        {
            calls = new RemoteCalls();
            foreach ((ulong first, ulong last, _) in pieces.Where(piece => piece.Device is null))
            {
                calls.Add(SystemCall.Mlock, first, last - first);
            }

            result = calls.Count == 0 ? 0 : calls.Run(thread).FirstOrDefault(answer => answer < 0);
        }

        return Answer.Made(result);
    }

    /// <summary>mlockall. What is mapped later is seen to when it is mapped (<see cref="MappingPlacement.Place"/>).</summary>
    public static Answer LockAll(TracedThread thread)
    {
        const ulong current = 1, future = 2, onFault = 4;
        ref readonly UserRegisters r = ref thread.Peek();
        ulong flags = r.Rdi;
        if ((flags & current) == 0 || (flags & ~(current | future | onFault)) != 0 || thread.Space.Mappings.All.Count == 0)
        {
            return Answer.Pass;
        }

        long result = new RemoteCalls().Add(SystemCall.Mlockall, flags | onFault).Run(thread)[0];
        if (result == 0)
        {
            var calls = new RemoteCalls();
            if ((flags & (future | onFault)) == future)
            {
                calls.Add(SystemCall.Mlockall, future);
            }

            AddCalls(thread, calls, locks: (flags & onFault) == 0);

            // mm/mlock.c, mlockall: what cannot be brought in is no error.
            _ = calls.Run(thread);
        }

        return Answer.Made(result);
    }

    // Unlocks what is Cloister's, the device's mappings among it, and locks the rest.
    private static void AddCalls(TracedThread thread, RemoteCalls calls, bool locks)
    {
        foreach (MapsLine line in HeldMappings.Of(thread))
        {
            bool isOurs = line.Path.StartsWith("/memfd:cloister", StringComparison.Ordinal);
            if ((isOurs || locks) && line.End < 1UL << 47)
            {
                calls.Add(isOurs ? SystemCall.Munlock : SystemCall.Mlock, line.Start, line.End - line.Start);
            }
        }
    }
}
