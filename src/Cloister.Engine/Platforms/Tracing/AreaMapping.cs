using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Maps Cloister's own pages in a program that has none yet.</summary>
internal static class AreaMapping
{
    /// <summary>Maps them. The thread stands at the return of an execve.</summary>
    // A filter of the program's own, which it kept over exec, lets the first mmap pass by its offset, and what the gadget calls then.
    public static Errno Map(PtraceThread thread, out string which)
    {
        which = "mmap";
        const ulong code = MemoryProtection.Read | MemoryProtection.Execute, data = MemoryProtection.Read | MemoryProtection.Write;
        const ulong flags = MemoryProtection.Shared | MemoryProtection.FixedNoReplace;
        const ulong anonymous = MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.FixedNoReplace;
        long first = Bootstrap.Call(thread, SystemCall.Mmap, Area.Gadget, 4096, code, anonymous, ulong.MaxValue,
            (ulong)ProgramFilter.GadgetMark << 32);
        if (first != (long)Area.Gadget)
        {
            return (Errno)(-first);
        }

        // The name lies below the red zone of a stack that has no frames yet.
        RemoteMemory memory = thread.Process.Memory.Bytes;
        ulong name = (thread.Peek().Rsp - 4096) & ~15UL;
        if (!memory.TryPoke(Area.Gadget, Gadget.Code) || !memory.TryPoke(name, "cloister\0"u8))
        {
            throw new ThreadEndedException(thread.Id);
        }

        const ulong call = Area.Gadget + Gadget.SyscallOffset;
        long descriptor = Bootstrap.CallAt(call, thread, SystemCall.MemfdCreate, name, 1 | 2);
        int taken = descriptor < 0 ? (int)descriptor : MemoryFiles.Take(thread, (int)descriptor);
        if (taken < 0)
        {
            which = "memfd_create";
            GiveUp(thread, descriptor);
            return (Errno)(-taken);
        }

        _ = MappedFile.Seal(taken, Area.Length);
        MappedFile table = MappedFile.Map(taken, 0, Area.Length);
        Gadget.Code.CopyTo(table.Slice(RemoteCalls.Offset(Area.Gadget), 4096));
        long second = MemoryFiles.Keep(table.Dispose, () => Bootstrap.CallAt(call, thread, SystemCall.Mmap, Area.Table, Area.TableLength,
            data, flags, (ulong)descriptor, Area.Table - Area.Base));
        if (second != (long)Area.Table)
        {
            table.Dispose();
            GiveUp(thread, descriptor);
            return (Errno)(-second);
        }

        thread.Process.Memory.Table = table;
        _ = HostKernel.TryStat(taken, out _, out ulong inode);
        thread.Process.Memory.AreaInode = inode;
        long third = new RemoteCalls()
            .Add(SystemCall.Mmap, Area.Vdso, Area.VdsoLength, code, flags, (ulong)descriptor, Area.Vdso - Area.Base)
            .Add(SystemCall.Close, (ulong)descriptor)
            .Run(thread)[0];
        if (third != (long)Area.Vdso)
        {
            thread.Process.Memory.Table = null;
            table.Dispose();
            return (Errno)(-third);
        }

        return Errno.None;
    }

    // The program runs on without them, and nothing of them is left there.
    private static void GiveUp(PtraceThread thread, long descriptor)
    {
        if (descriptor >= 0)
        {
            _ = Bootstrap.Call(thread, SystemCall.Close, (ulong)descriptor);
        }

        _ = Bootstrap.Call(thread, SystemCall.Munmap, Area.Gadget, (ulong)Area.Length);
    }
}
