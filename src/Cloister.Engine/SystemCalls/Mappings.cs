using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>mmap, mprotect, munmap and mremap where the device is concerned.</summary>
/// <remarks>A device mapping is natively executable only where the EPCM says X, page run by page run; which pages are present and writable is
/// the userfaultfd's. The program's own protection stands in <see cref="EnclaveMapping.Protection"/>.</remarks>
internal static class Mappings
{
    private const ulong PageMask = 4095;
    private const ulong NoPageFault = unchecked((ulong)-1);

    /// <summary>mmap of a device file.</summary>
    public static Answer Map(Tracer tracer, TracedThread thread, EnclaveFile file)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong address, ulong length, int protection, int flags, ulong descriptor, ulong offset) = (r.Rdi, r.Rsi, (int)r.Rdx & 7, (int)r.R10, r.R8, r.R9);
        length = (length + PageMask) & ~PageMask;
        if (length == 0 || (address & PageMask) != 0 && (flags & (MemoryProtection.Fixed | MemoryProtection.FixedNoReplace)) != 0 || file.Node == DeviceNode.Provision)
        {
            return Answer.Made(file.Node == DeviceNode.Provision ? -(long)Errno.ENODEV : -(long)Errno.EINVAL);
        }

        bool isPrivate = (flags & MemoryProtection.TypeMask) == MemoryProtection.Private;
        if (isPrivate)
        {
            return Answer.Made(-(long)Errno.EINVAL);
        }

        // mm/mmap.c, do_mmap: what the file was not opened for.
        if (!file.Allows(MemoryProtection.Read) || ((protection & MemoryProtection.Write) != 0 && !file.Allows(MemoryProtection.Write)))
        {
            return Answer.Made(-(long)Errno.EACCES);
        }

        // Linux looks at no offset, for its pages are in no file.
        if (file.VirtualEpc is not null && (offset > (ulong)EnclaveFile.FileLength || length > (ulong)EnclaveFile.FileLength - offset))
        {
            return Answer.Made(-(long)Errno.EOVERFLOW);
        }

        bool isFixed = (flags & (MemoryProtection.Fixed | MemoryProtection.FixedNoReplace)) != 0;
        if (!isFixed)
        {
            // The kernel chooses the place; the file's offset must be the place.
            long chosen = new RemoteCalls().Add(SystemCall.Mmap, address, length, MemoryProtection.None,
                MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.NoReserve, NoPageFault, 0).Run(thread)[0];
            if (chosen < 0)
            {
                return Answer.Made(chosen);
            }

            address = (ulong)chosen;
        }

        int verdict = file.Enclave is { } enclave
            ? tracer.Driver.Mmap(enclave, thread.Space, new LinearAddress(address), new LinearAddress(address + length), (Protection)protection, isPrivate, Personality.ReadImpliesExecute(thread))
            : tracer.Driver.Mmap(file.VirtualEpc!, isPrivate);
        if (verdict != 0)
        {
            if (!isFixed)
            {
                _ = new RemoteCalls().Add(SystemCall.Munmap, address, length).Run(thread);
            }

            return Answer.Made(verdict);
        }

        ulong fileOffset = file.Enclave is null ? offset : address;
        int kind = MemoryProtection.Shared | (flags & MemoryProtection.Locked) | ((flags & MemoryProtection.FixedNoReplace) != 0 ? MemoryProtection.FixedNoReplace : MemoryProtection.Fixed);
        var mapping = new EnclaveMapping(address, address + length, protection, file, fileOffset - address);
        if ((flags & MemoryProtection.TypeOfPlace) == MemoryProtection.Fixed)
        {
            return MakeRoom(tracer, thread, address, length, t => tracer.Files.Find(t, (int)descriptor) == file ? PlaceWhole(t) : -(long)Errno.EBADF);
        }

        long result = PlaceWhole(thread);
        if (result < 0 && !isFixed)
        {
            _ = new RemoteCalls().Add(SystemCall.Munmap, address, length).Run(thread);
        }

        return Answer.Made(result);

        long PlaceWhole(TracedThread t)
        {
            long placed = Place(tracer, t, mapping, kind, descriptor, fileOffset);
            if (placed >= 0 && (flags & MemoryProtection.Populate) != 0)
            {
                // mm_populate: its errors are nobody's.
                _ = Advice.Populate(tracer.Driver, t.Space, address, address + length);
            }

            return placed;
        }
    }

    /// <summary>MAP_FIXED of the device: the thread itself puts memory without any right where it shall be, which may be waited for like a munmap; then it is mapped.</summary>
    /// <param name="tracer">The tracer.</param>
    /// <param name="thread">The thread at its mmap.</param>
    /// <param name="address">Where.</param>
    /// <param name="length">How long.</param>
    /// <param name="then">Maps it, and tells the result of the program's mmap.</param>
    public static Answer MakeRoom(Tracer tracer, TracedThread thread, ulong address, ulong length, Func<TracedThread, long> then)
    {
        if (Seals.Hold(thread.Space, address, length))
        {
            return Answer.Made(-(long)Errno.EPERM);
        }

        ref UserRegisters r = ref thread.Registers;
        (ulong rdx, ulong r8, ulong r9, ulong r10) = (r.Rdx, r.R8, r.R9, r.R10);
        (r.Rdx, r.R8, r.R9) = (MemoryProtection.None, NoPageFault, 0);
        r.R10 = MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.NoReserve | MemoryProtection.Fixed;
        return tracer.RealMappings.Begin(thread, [(address, length)], mayBeHalf: false, (t, result) =>
        {
            ref UserRegisters after = ref t.Registers;
            (after.Rdx, after.R8, after.R9, after.R10) = (rdx, r8, r9, r10);
            if (result >= 0)
            {
                result = then(t);
                t.Registers.Rax = unchecked((ulong)result);
            }
        });
    }

    /// <summary>Maps a part of a device file where the program is to see it.</summary>
    /// <remarks>
    /// Linux, arch/x86/kernel/cpu/sgx/driver.c, sgx_mmap: VM_PFNMAP, VM_IO and VM_DONTDUMP. Such memory is in no core file and is never locked, though
    /// mlockall(MCL_FUTURE) and MAP_LOCKED are obeyed in all else (mm/mmap.c). It is first mapped without any right: what is locked would get its
    /// pages from the file at once, without the driver.
    /// </remarks>
    public static long Place(Tracer tracer, TracedThread thread, EnclaveMapping mapping, int kind, ulong descriptor, ulong fileOffset)
    {
        const ulong dontDump = 16;
        AddressSpace space = thread.Space;
        (ulong address, ulong length) = (mapping.Start, mapping.End - mapping.Start);
        long result = new RemoteCalls().Add(SystemCall.Mmap, address, length, MemoryProtection.None, (ulong)kind, descriptor, fileOffset).Run(thread)[0];
        if (result < 0)
        {
            return result;
        }

        // Where another thread has put something meanwhile.
        HashSet<EnclaveFile> lost = space.Unmap(address, mapping.End);
        space.Mappings.Add(mapping);
        mapping.File.NoteMapped(space);
        Watch(tracer, thread, address, length);
        RemoteCalls calls = new RemoteCalls().Add(SystemCall.Munlock, address, length).Add(SystemCall.Madvise, address, length, dontDump);
        AddRights(space, mapping, calls);
        _ = calls.Run(thread);
        if (lost.Count > 0)
        {
            tracer.Files.CheckLifetimes(thread);
        }

        return result;
    }

    /// <summary>A mapping that the books did not have: no page of it is present, and it has the rights of a new one.</summary>
    public static void Begin(TracedThread thread, EnclaveMapping mapping)
    {
        const ulong dontNeed = 4;
        if (!thread.Space.Native.ByProtection)
        {
            RemoteCalls calls = new RemoteCalls().Add(SystemCall.Madvise, mapping.Start, mapping.End - mapping.Start, dontNeed);
            if (thread.Space.HidesEnclaves)
            {
                calls.Add(SystemCall.Mprotect, mapping.Start, mapping.End - mapping.Start, MemoryProtection.None);
            }

            AddRights(thread.Space, mapping, calls);
            _ = calls.Run(thread);
        }
    }

    private static void AddRights(AddressSpace space, EnclaveMapping mapping, RemoteCalls calls)
    {
        if (!space.HidesEnclaves && !space.Native.ByProtection)
        {
            calls.Add(SystemCall.Mprotect, mapping.Start, mapping.End - mapping.Start, (ulong)(mapping.Protection & ~MemoryProtection.Execute));
        }
    }

    /// <summary>mprotect of a range with device mappings in it.</summary>
    public static Answer Protect(Tracer tracer, TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length, int protection) = (r.Rdi, (r.Rsi + PageMask) & ~PageMask, (int)r.Rdx);
        ulong end = start + length;
        AddressSpace space = thread.Space;
        List<EnclaveMapping> parts = (start & PageMask) == 0 && end > start ? space.Mappings.Within(start, end) : [];
        if (parts.Count == 0)
        {
            return PassExecutable(tracer, thread, start, length);
        }

        // The kernel goes from mapping to mapping and stops at the first that refuses; what it did before stays.
        // mm/mprotect.c, do_mprotect_pkey.
        (ulong number, ulong key) = (r.OrigRax, r.R10);
        ulong at = start;
        long result = 0;
        for (int i = 0; i <= parts.Count && result == 0; i++)
        {
            ulong gapEnd = i < parts.Count ? parts[i].Start : end;
            if (gapEnd > at)
            {
                result = Call(at, gapEnd, protection);
                space.InElrange.Note(tracer.Files.All, space, at, gapEnd - at);
            }

            if (i < parts.Count && result == 0)
            {
                result = ProtectPart(parts[i]);
                at = parts[i].End;
            }
        }

        return Answer.Made(result);

        long ProtectPart(EnclaveMapping part)
        {
            const int access = MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Execute;
            bool refused = (protection & MemoryProtection.Write) != 0 && !part.File.Allows(MemoryProtection.Write);
            long verdict = part.IsSealed ? -(long)Errno.EPERM : refused ? -(long)Errno.EACCES : part.File.Enclave is { } enclave
                ? tracer.Driver.MayMap(enclave, new LinearAddress(part.Start), new LinearAddress(part.End), (Protection)(protection & access), Personality.ReadImpliesExecute(thread)) : 0;

            // The rest of the bits, and the key, are the kernel's to judge.
            int native = (protection & ~access) | (space.HidesEnclaves || space.Native.ByProtection ? MemoryProtection.None : protection & (access & ~MemoryProtection.Execute));
            verdict = verdict != 0 ? verdict : Call(part.Start, part.End, native);
            if (verdict == 0)
            {
                NoteProtection(space, part, protection & access);
            }

            return verdict;
        }

        long Call(ulong from, ulong to, int bits) => new RemoteCalls().Add((long)number, from, to - from, (ulong)bits, key).Run(thread)[0];
    }

    private static void NoteProtection(AddressSpace space, EnclaveMapping part, int protection)
    {
        space.Mappings.Add(part with { Protection = protection });
        space.Fast?.Tcss.Invalidate(part.Start, part.End);
        if (protection == MemoryProtection.None)
        {
            part.File.WithdrawAwaited(part.Start, part.End);
        }

        foreach (ulong page in space.Pages.Within(part.Start, part.End))
        {
            if (space.Pages.Peek(page).Executable)
            {
                space.Native.SetExecutable(page, false);
            }

            if (space.Native.ByProtection && space.Pages.Peek(page).Native != NativeAccess.None)
            {
                space.Native.NoteUnprotected(page);
            }
        }
    }

    /// <summary>munmap.</summary>
    public static Answer Unmap(Tracer tracer, TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length) = (r.Rdi, Pages(r.Rsi));
        if (IsRange(start, length) && thread.Space.MayHaveDevice(start, start + length))
        {
            return tracer.RealMappings.Begin(thread, [(start, length)], mayBeHalf: false, (t, _) => NoteUnmapped(t.Space));
        }

        return thread.Space.InElrange.HoldsGates ? Answer.PassThen(t => NoteUnmapped(t.Space)) : Answer.Pass;

        static void NoteUnmapped(AddressSpace space) => space.InElrange.IsStale |= space.InElrange.HoldsGates;
    }

    /// <summary>mmap of something else, which MAP_FIXED may put over a device mapping.</summary>
    /// <param name="tracer">The tracer.</param>
    /// <param name="thread">The thread at the call.</param>
    /// <param name="then">What to do at its end with its result, or null.</param>
    public static Answer MapOver(Tracer tracer, TracedThread thread, Action<TracedThread, long>? then)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length) = (r.Rdi, Pages(r.Rsi));
        if (((int)r.R10 & MemoryProtection.TypeOfPlace) == MemoryProtection.Fixed && IsRange(start, length) && thread.Space.MayHaveDevice(start, start + length))
        {
            // The kernel unmaps first, and may fail then.
            return tracer.RealMappings.Begin(thread, [(start, length)], mayBeHalf: ((int)r.R10 & MemoryProtection.Anonymous) == 0, Note);
        }

        bool hasRight = ((int)r.Rdx & 7) != MemoryProtection.None && thread.Space.Mappings.All.Count > 0
            && (((int)r.R10 & MemoryProtection.TypeOfPlace) == 0 || ElrangeMemory.Concerns(tracer.Files.All, thread.Space, start, length));
        return hasRight || then is not null ? Answer.PassThen(t => Note(t, (long)t.Peek().Rax)) : Answer.Pass;

        void Note(TracedThread t, long result)
        {
            if (result >= 0)
            {
                t.Space.InElrange.Note(tracer.Files.All, t.Space, (ulong)result, length);
            }

            then?.Invoke(t, result);
        }
    }

    /// <summary>The device's mappings in a range are gone.</summary>
    public static void Forget(Tracer tracer, TracedThread thread, ulong start, ulong length)
    {
        AddressSpace space = thread.Space;
        HashSet<EnclaveFile> lost = length == 0 ? [] : space.Unmap(start, start + length);
        foreach (EnclaveFile file in lost)
        {
            TellDriver(tracer, space, file, start, start + length);
        }

        if (lost.Count > 0)
        {
            tracer.Files.CheckLifetimes(thread);
        }
    }

    /// <summary>A part of a file is not mapped any more. The file may have ended by that: another thread's stop comes between the kernel's unmapping and this.</summary>
    public static void TellDriver(Tracer tracer, AddressSpace space, EnclaveFile file, ulong start, ulong end)
    {
        if (file is { IsReleased: false, Enclave: { } enclave })
        {
            tracer.Driver.Unmapped(enclave, space, new LinearAddress(start), new LinearAddress(end));
        }
    }

    /// <summary>mremap: the device's mappings shrink, and do not grow (VM_DONTEXPAND); others may be put over them.</summary>
    public static Answer Remap(Tracer tracer, TracedThread thread)
    {
        const ulong mayMove = 1, isFixed = 2, dontUnmap = 4;
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong oldLength, ulong newLength, ulong flags, ulong target) = (r.Rdi, Pages(r.Rsi), Pages(r.Rdx), r.R10, r.R8);
        AddressSpace space = thread.Space;
        bool moves = (flags & (isFixed | dontUnmap)) != 0;
        EnclaveMapping? mapping = space.Mappings.Find(start);
        bool isDevice = mapping is not null;
        if (mapping is { IsSealed: true })
        {
            return Answer.Made(-(long)Errno.EPERM);
        }

        if (isDevice && (start & PageMask) == 0 && (flags & ~mayMove) == 0 && newLength > oldLength)
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
            return tracer.RealMappings.Begin(thread, ranges, mayBeHalf: true, Note);
        }

        bool concerned = ElrangeMemory.Concerns(tracer.Files.All, space, start, oldLength) || (moves && ElrangeMemory.Concerns(tracer.Files.All, space, target, newLength));
        return concerned ? Answer.PassThen(t => Note(t, (long)t.Peek().Rax)) : Answer.Pass;

        void Note(TracedThread t, long result)
        {
            t.Space.InElrange.Note(tracer.Files.All, t.Space, start, oldLength);
            t.Space.InElrange.Note(tracer.Files.All, t.Space, (ulong)result, newLength);
        }
    }

    /// <summary>shmat with SHM_REMAP, which puts a segment over what is there.</summary>
    public static Answer Attach(Tracer tracer, TracedThread thread)
    {
        const int rounds = 0x2000, replaces = 0x4000;
        const ulong status = 2;
        const int sizeOffset = 48;
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong segment, ulong start, int flags) = (r.Rdi, r.Rsi, (int)r.Rdx);
        start = (flags & rounds) != 0 ? start & ~PageMask : start;
        if (thread.Space.Mappings.All.Count == 0)
        {
            return Answer.Pass;
        }

        // struct shmid64_ds, shm_segsz. Who may not read it may not attach it either.
        ulong length = 0;
        if ((flags & replaces) != 0 && new RemoteCalls().Add(SystemCall.Shmctl, segment, status, RemoteCalls.DataAddress).Run(thread)[0] >= 0)
        {
            length = Pages(BitConverter.ToUInt64(RemoteCalls.Data(thread, sizeOffset + 8)[sizeOffset..]));
        }

        if (IsRange(start, length) && thread.Space.MayHaveDevice(start, start + length))
        {
            return tracer.RealMappings.Begin(thread, [(start, length)], mayBeHalf: true, (t, _) => t.Space.InElrange.IsStale = true);
        }

        return Answer.PassThen(t => t.Space.InElrange.IsStale = true);
    }

    // What the kernel would not refuse before it does anything.
    private static bool IsRange(ulong start, ulong length) => (start & PageMask) == 0 && length > 0 && start + length > start && start + length <= 1UL << 47;

    private static ulong Pages(ulong length) => (length + PageMask) & ~PageMask;

    /// <summary>The child of a fork: its copies of the mappings are watched anew.</summary>
    public static void PrepareFork(Tracer tracer, TracedThread thread)
    {
        // The child of a process that is not dumpable is not either.
        RemoteMemory memory = thread.Space.Memory;
        _ = memory.IsOpen ? memory : Dumpable.Reach(thread, () => memory.Open() == Errno.None ? memory : null);

        if (thread.Space.Mappings.All.Count > 0)
        {
            PresenceChoice.Make(tracer.Options.Presence, tracer.Notice, thread);
        }

        if (thread.Space.Native.ByProtection)
        {
            thread.Space.Native.ForgetExecutable();
        }

        foreach (EnclaveMapping mapping in thread.Space.Mappings.All.ToArray())
        {
            Watch(tracer, thread, mapping.Start, mapping.End - mapping.Start);
        }

        if (thread.ForkedFrom is { } parent)
        {
            thread.ForkedFrom = null;
            thread.Space.Fast = FastPath.Create(thread, replace: true);
            thread.Space.Fast?.Inherit(thread, thread.ForkedSlot, parent);
            if (thread.ForkedSlot < 0)
            {
                // A selector names its parent's slot, which nobody knows any more.
                thread.Registers.Es = 0;
            }
        }
    }

    /// <summary>Lets an mprotect to executable pass and looks for CPUID in what it made executable.</summary>
    private static Answer PassExecutable(Tracer tracer, TracedThread thread, ulong start, ulong length)
    {
        bool executable = ((int)thread.Peek().Rdx & MemoryProtection.Execute) != 0;
        bool concerned = ElrangeMemory.Concerns(tracer.Files.All, thread.Space, start, length);
        if (!executable && !concerned)
        {
            return Answer.Pass;
        }

        return Answer.PassThen(t =>
        {
            if (executable && (long)t.Peek().Rax == 0)
            {
                CpuidPatcher.PatchAnonymous(t.Space, start, length);
            }

            t.Space.InElrange.IsStale |= concerned;
        });
    }

    /// <summary>Puts a new mapping's pages under the rule of what decides their presence.</summary>
    public static void Watch(Tracer tracer, TracedThread thread, ulong address, ulong length)
    {
        if (TryWatch(tracer, thread, address, length) != Errno.None)
        {
            // Another thread has taken it away, or put something else there.
            tracer.RealMappings.Follow(thread, address, address + length);
        }
    }

    /// <summary>The same; tells when the kernel has something else there.</summary>
    public static Errno TryWatch(Tracer tracer, TracedThread thread, ulong address, ulong length)
    {
        AddressSpace space = thread.Space;
        PresenceChoice.Make(tracer.Options.Presence, tracer.Notice, thread);
        if (space.Native.Presence is not { } watch)
        {
            _ = new RemoteCalls().Add(SystemCall.Mprotect, address, length, MemoryProtection.None).Run(thread);
            return Errno.None;
        }

        Errno error = watch.Register(address, length);
        if (error == Errno.ENOMEM && Ptrace.GetRegisters(thread.Id, out _) != Errno.None)
        {
            // The answer also for memory that is being torn down: the program was killed. Linux, fs/userfaultfd.c, userfaultfd_register.
            throw new ThreadEndedException(thread.Id);
        }

        return error;
    }
}
