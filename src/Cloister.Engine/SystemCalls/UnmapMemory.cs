using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>munmap, mremap, shmat and mmap of something else, where they take mappings of the device away.</summary>
internal sealed class UnmapMemory(DeviceFiles files, RealMappings real)
{

    /// <summary>munmap.</summary>
    public Answer Unmap(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length) = (r.Rdi, HostPage.Whole(r.Rsi));
        if (IsRange(start, length) && thread.Space.MayHaveDevice(start, start + length))
        {
            return real.Begin(thread, [(start, length)], mayBeHalf: false, (t, _) => NoteUnmapped(t.Space));
        }

        return thread.Space.InElrange.HoldsGates ? Answer.PassThen(t => NoteUnmapped(t.Space)) : Answer.Pass;

        static void NoteUnmapped(AddressSpace space) => space.InElrange.IsStale |= space.InElrange.HoldsGates;
    }

    /// <summary>mmap of something else, which MAP_FIXED may put over a device mapping.</summary>
    /// <param name="thread">The thread at the call.</param>
    /// <param name="then">What to do at its end with its result, or null.</param>
    public Answer MapOver(TracedThread thread, Action<TracedThread, long>? then)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length) = (r.Rdi, HostPage.Whole(r.Rsi));
        if (((int)r.R10 & MemoryProtection.TypeOfPlace) == MemoryProtection.Fixed && IsRange(start, length)
            && thread.Space.MayHaveDevice(start, start + length))
        {
            // The kernel unmaps first, and may fail then.
            return real.Begin(thread, [(start, length)], mayBeHalf: ((int)r.R10 & MemoryProtection.Anonymous) == 0, Note);
        }

        bool hasRight = ((int)r.Rdx & 7) != MemoryProtection.None && thread.Space.Mappings.All.Count > 0
            && (((int)r.R10 & MemoryProtection.TypeOfPlace) == 0 || ElrangeMemory.Concerns(files.All, thread.Space, start, length));
        return hasRight || then is not null ? Answer.PassThen(t => Note(t, (long)t.Peek().Rax)) : Answer.Pass;

        void Note(TracedThread t, long result)
        {
            if (result >= 0)
            {
                t.Space.InElrange.Note(files.All, t.Space, (ulong)result, length);
            }

            then?.Invoke(t, result);
        }
    }

    /// <summary>mremap: the device's mappings shrink, and do not grow (VM_DONTEXPAND); others may be put over them.</summary>
    public Answer Remap(TracedThread thread)
    {
        const ulong mayMove = 1, isFixed = 2, dontUnmap = 4;
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong oldLength, ulong newLength, ulong flags, ulong target) =
            (r.Rdi, HostPage.Whole(r.Rsi), HostPage.Whole(r.Rdx), r.R10, r.R8);
        AddressSpace space = thread.Space;
        bool moves = (flags & (isFixed | dontUnmap)) != 0;
        EnclaveMapping? mapping = space.Mappings.Find(start);
        bool isDevice = mapping is not null;
        if (mapping is { IsSealed: true })
        {
            return Answer.Made(-(long)Errno.EPERM);
        }

        if (isDevice && HostPage.IsMultiple(start) && (flags & ~mayMove) == 0 && newLength > oldLength)
        {
            return Answer.Made(-(long)Errno.EFAULT);
        }

        if (isDevice && moves)
        {
            // Linux moves it to where none of its pages is found (docs/explanation/fidelity.md).
            return Answer.Made(-(long)Errno.EINVAL);
        }

        // What is behind the new length goes, and what is where it shall be.
        (ulong Start, ulong Length) tail = (start + newLength, newLength < oldLength ? oldLength - newLength : 0);
        (ulong Start, ulong Length) place = (target, (flags & isFixed) != 0 ? newLength : 0);
        (ulong Start, ulong Length)[] ranges = [.. new[] { tail, place }.Where(range => IsRange(range.Start, range.Length))];
        if (newLength > 0 && ranges.Any(range => space.MayHaveDevice(range.Start, range.Start + range.Length)))
        {
            // The kernel unmaps first, and may fail then.
            return real.Begin(thread, ranges, mayBeHalf: true, Note);
        }

        bool concerned = ElrangeMemory.Concerns(files.All, space, start, oldLength)
            || (moves && ElrangeMemory.Concerns(files.All, space, target, newLength));
        return concerned ? Answer.PassThen(t => Note(t, (long)t.Peek().Rax)) : Answer.Pass;

        void Note(TracedThread t, long result)
        {
            t.Space.InElrange.Note(files.All, t.Space, start, oldLength);
            t.Space.InElrange.Note(files.All, t.Space, (ulong)result, newLength);
        }
    }

    /// <summary>shmat with SHM_REMAP, which puts a segment over what is there.</summary>
    public Answer Attach(TracedThread thread)
    {
        const int rounds = 0x2000, replaces = 0x4000;
        const ulong status = 2;
        const int sizeOffset = 48;
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong segment, ulong start, int flags) = (r.Rdi, r.Rsi, (int)r.Rdx);
        start = (flags & rounds) != 0 ? HostPage.Start(start) : start;
        if (thread.Space.Mappings.All.Count == 0)
        {
            return Answer.Pass;
        }

        // struct shmid64_ds, shm_segsz. Who may not read it may not attach it either.
        ulong length = 0;
        if ((flags & replaces) != 0 && new RemoteCalls().Add(SystemCall.Shmctl, segment, status, RemoteCalls.DataAddress)
            .Run(thread)[0] >= 0)
        {
            length = HostPage.Whole(BitConverter.ToUInt64(RemoteCalls.Data(thread, sizeOffset + 8)[sizeOffset..]));
        }

        if (IsRange(start, length) && thread.Space.MayHaveDevice(start, start + length))
        {
            return real.Begin(thread, [(start, length)], mayBeHalf: true, (t, _) => t.Space.InElrange.IsStale = true);
        }

        return Answer.PassThen(t => t.Space.InElrange.IsStale = true);
    }

    // What the kernel would not refuse before it does anything.
    private static bool IsRange(ulong start, ulong length) => HostPage.IsMultiple(start) && length > 0 && start + length > start
        && start + length <= 1UL << 47;

}
