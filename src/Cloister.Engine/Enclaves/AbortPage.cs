using Cloister.Architecture;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>A host access to enclave memory: reads give all ones, writes vanish. SDM 3D, "Access-control Requirements".</summary>
internal sealed class AbortPage(
    RealMappings realMappings, SignalDelivery signals, PendingChanges changes, Interruptions interruptions, IPlatform platform,
    Action<string> notice)
{
    /// <summary>Lets the thread execute its instruction with a page of all ones in the place of the enclave's.</summary>
    public Answer Access(TracedThread thread, ulong page, AccessKind access)
    {
        // A fetch from outside finds ff ff ff..., which is no instruction.
        ulong protection = MemoryProtection.Read | MemoryProtection.Write
            | (access == AccessKind.Execute ? (ulong)MemoryProtection.Execute : 0);
        AddressSpace space = thread.Space;
        const ulong flags = MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.Fixed, moveFixed = 3;
        changes.Settle(thread);

        // The enclave's page steps aside with its mapping; no descriptor of it may be open any more.
        using IDisposable others = interruptions.HoldOthers(thread);
        long[] moved = new RemoteCalls()
            .Add(SystemCall.Mremap, page, 4096, 4096, moveFixed, Area.Aside)
            .Add(SystemCall.Mmap, page, 4096, protection, flags, ulong.MaxValue, 0)
            .Run(thread);
        if (moved[0] < 0 || moved[1] < 0)
        {
            if (moved[0] >= 0)
            {
                _ = new RemoteCalls().Add(SystemCall.Mremap, Area.Aside, 4096, 4096, moveFixed, page).Run(thread);
                space.Native.WatchAgain(page);
            }

            if (moved[0] == -(long)Errno.EFAULT)
            {
                return NothingThere(thread, page, access);
            }

            string reason = (moved[0] < 0 ? moved[0] : moved[1]) switch
            {
                -(long)Errno.EPERM or -(long)Errno.ENOSYS => "a sandbox forbids mremap or mmap",
                -(long)Errno.ENOMEM => "a program may have no more mappings (vm.max_map_count)",
                var error => $"nothing can be put in a page's place ({(Errno)(-error)})",
            };
            return Refused(thread, page, access, reason);
        }

        Span<byte> ones = stackalloc byte[4096];
        ones.Fill(0xff);
        _ = space.Memory.TryWrite(page, ones);

        // The step out of the remote call's last stop ends before the instruction: single stepping reports the end of a system call.
        ulong rip = thread.Peek().Rip;
        ProgramEvent happened = platform.Step(thread.Held);
        if (IsStep(happened) && thread.Peek().Rip == rip)
        {
            happened = platform.Step(thread.Held);
        }

        _ = new RemoteCalls().Add(SystemCall.Mremap, Area.Aside, 4096, 4096, moveFixed, page).Run(thread);
        space.Native.WatchAgain(page);
        if (IsStep(happened))
        {
            return Answer.RunOn;
        }

        platform.PutBack(thread.Held, happened);
        return Answer.Stand;
    }

    private static bool IsStep(in ProgramEvent happened) => happened is { Kind: EventKind.Signal, Signal: Signal.SIGTRAP };

    // Whether the device is mapped at a page still: the books take what the kernel has.
    private bool IsThere(TracedThread thread, ulong page)
    {
        realMappings.Follow(thread, page, page + 4096);
        return thread.Space.Mappings.Find(page) is not null;
    }

    // Another thread has taken the page away. One whose call to do so has not ended yet may have had a third one's
    // mapping with it, of which the books know until then: the access came between the two, as it may on Linux.
    private Answer NothingThere(TracedThread thread, ulong page, AccessKind access)
    {
        if (thread.Space.Unmappings.Exists(unmapping => unmapping.Overlaps(page, page + 4096)))
        {
            PageFaultErrorCode code = PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0)
                | (access == AccessKind.Execute ? PageFaultErrorCode.InstructionFetch : 0);
            return signals.Raise(thread, ExceptionVector.PageFault, (uint)code, new LinearAddress(page), unmapped: true);
        }

        realMappings.Follow(thread, page, page + 4096);
        return Answer.RunOn;
    }

    // Nothing could be put in the page's place: another thread has taken it away, or the process has as many mappings as it may have.
    private Answer Refused(TracedThread thread, ulong page, AccessKind access, string reason)
    {
        if (IsThere(thread, page))
        {
            notice($"{reason}: an access to enclave memory from outside ends in SIGSEGV");
            PageFaultErrorCode code = PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0);
            return signals.Raise(thread, ExceptionVector.PageFault, (uint)code, new LinearAddress(page), unmapped: false);
        }

        return Answer.RunOn;
    }
}
