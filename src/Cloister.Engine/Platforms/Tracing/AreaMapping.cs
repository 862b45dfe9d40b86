using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Maps Cloister's own pages in a program that has none yet.</summary>
internal static class AreaMapping
{
    /// <summary>Maps them. The thread stands at the return of an execve, or behind another call.</summary>
    // A filter of the program's own, which it kept over exec, lets the first mmap pass by its offset, and what the gadget calls then.
    public static Errno Map(PtraceThread thread, out string which)
    {
        which = "seccomp(SECCOMP_SET_MODE_FILTER)";
        if (thread.Process.LackedFilter is { } filter)
        {
            Errno error = BareFilter.InstallInAll(thread, filter, (call, with) => Call(thread, call, with));
            if (error != Errno.None)
            {
                return error;
            }

            thread.Process.LackedFilter = null;
        }

        which = "mmap";
        const ulong code = MemoryProtection.Read | MemoryProtection.Execute, data = MemoryProtection.Read | MemoryProtection.Write;
        const ulong flags = MemoryProtection.Shared | MemoryProtection.FixedNoReplace;
        const ulong anonymous = MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.FixedNoReplace;
        long first = Call(thread, SystemCall.Mmap, Area.Gadget, 4096, code, anonymous, ulong.MaxValue,
            (ulong)ProgramFilter.GadgetMark << 32);
        if (first != (long)Area.Gadget)
        {
            return (Errno)(-first);
        }

        RemoteMemory memory = thread.Process.Memory.Bytes;
        const ulong name = Area.Gadget + 2048; // behind the code
        if (!memory.TryPoke(Area.Gadget, Gadget.Code) || !memory.TryPoke(name, "cloister\0"u8))
        {
            throw new ThreadEndedException(thread.Id);
        }

        const ulong instruction = Area.Gadget + Gadget.SyscallOffset;
        long descriptor = Bootstrap.CallAt(instruction, thread, SystemCall.MemfdCreate, name, 1 | 2);
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
        long second = MemoryFiles.Keep(table.Dispose, () => Bootstrap.CallAt(instruction, thread, SystemCall.Mmap, Area.Table,
            Area.TableLength, data, flags, (ulong)descriptor, Area.Table - Area.Base));
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
            _ = Call(thread, SystemCall.Close, (ulong)descriptor);
        }

        _ = Call(thread, SystemCall.Munmap, Area.Gadget, (ulong)Area.Length);
    }

    // Others of its threads may execute what is where it stands.
    private static long Call(PtraceThread thread, long number, params ReadOnlySpan<ulong> arguments) =>
        thread.Instruction is { } instruction ? Bootstrap.CallAt(instruction, thread, number, arguments)
            : Bootstrap.Call(thread, number, arguments);
}
