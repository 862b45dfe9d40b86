using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>The seccomp filters: which system calls stop for the tracer. All others run untouched.</summary>
internal static class SyscallFilter
{
    private const uint ArchitectureX8664 = 0xc000003e;
    private const uint AtFdcwd = 0xffffff9c;
    private const uint AddSeals = 1033, GetSeals = 1034, ShmRemap = 0x4000;
    private const uint InternetAddressLength = 16; // struct sockaddr_in: uapi linux/in.h
    private const uint NoHang = 1, ByPidfd = 3; // WNOHANG and P_PIDFD of uapi linux/wait.h

    /// <summary>What a program may do before it has opened the device: opens, looks at, and maps files.</summary>
    /// <remarks>Calls relative to a directory descriptor other than AT_FDCWD pass: nobody opens the device so, and tree walks do it all the time.</remarks>
    public static byte[] Base()
    {
        BpfProgram p = Prologue();
        foreach (long number in (long[])[SystemCall.Open, SystemCall.Stat, SystemCall.Lstat, SystemCall.Access, SystemCall.AddKey, SystemCall.SchedGetaffinity, SystemCall.SchedSetaffinity,
            SystemCall.Seccomp])
        {
            p.IfEqual((uint)number, "trace");
        }

        foreach (long number in (long[])[SystemCall.Openat, SystemCall.Openat2, SystemCall.Newfstatat, SystemCall.Statx, SystemCall.Faccessat, SystemCall.Faccessat2])
        {
            p.IfEqual((uint)number, "directory");
        }

        return Epilogue(p
            .IfEqual((uint)SystemCall.Ioctl, "ioctl")
            .IfEqual((uint)SystemCall.Mmap, "mmap")
            .IfEqual((uint)SystemCall.Mprotect, "mprotect")
            .IfEqual((uint)SystemCall.PkeyMprotect, "mprotect")
            .IfEqual((uint)SystemCall.RtSigaction, "sigaction")
            .IfEqual((uint)SystemCall.Prctl, "prctl")
            .IfEqual((uint)SystemCall.Wait4, "wait4")
            .IfEqual((uint)SystemCall.Waitid, "waitid")
            .IfEqual((uint)SystemCall.Connect, "connect")
            .Return(BpfProgram.Allow)
            .Label("directory").Load(BpfProgram.ArgumentOffset(0)).IfEqual(AtFdcwd, "trace").Return(BpfProgram.Allow)
            .Label("ioctl").Load(BpfProgram.ArgumentOffset(1)).And(0xff00).IfEqual(0xa400, "trace").Return(BpfProgram.Allow)

            // A file mapped executable may hold CPUID; a file mapped shared may be the device.
            .Label("mmap").Load(BpfProgram.ArgumentOffset(3)).IfAny(MemoryProtection.Anonymous, "allow").IfAny(MemoryProtection.Shared, "trace")
            .Load(BpfProgram.ArgumentOffset(2)).IfAny(MemoryProtection.Execute, "trace").Return(BpfProgram.Allow)
            .Label("mprotect").Load(BpfProgram.ArgumentOffset(2)).IfAny(MemoryProtection.Execute, "trace").Return(BpfProgram.Allow)

            // Filters of the program's own let the gadget through.
            .Label("prctl").Load(BpfProgram.ArgumentOffset(0)).IfEqual(OwnFilters.SetSeccomp, "trace").IfEqual(OwnFilters.GetSeccomp, "trace").Return(BpfProgram.Allow)
            // A wait that does not wait: what the kernel says that has ended, by a pidfd for one, the tracer must have taken. A pidfd may be
            // non-blocking by itself.
            .Label("wait4").Load(BpfProgram.ArgumentOffset(2)).IfAny(NoHang, "trace").Return(BpfProgram.Allow)
            .Label("waitid").Load(BpfProgram.ArgumentOffset(0)).IfEqual(ByPidfd, "trace")
            .Load(BpfProgram.ArgumentOffset(3)).IfAny(NoHang, "trace").Return(BpfProgram.Allow)

            // An address of another length than IPv4's may be that of a UNIX socket which a service stands behind.
            .Label("connect").Load(BpfProgram.ArgumentOffset(2)).IfEqual(InternetAddressLength, "allow").Jump("trace")

            // The handlers of the signals that Cloister's own stops use are mirrored.
            .Label("sigaction").Load(BpfProgram.ArgumentOffset(0))
            .IfEqual(Signal.SIGILL, "trace").IfEqual(Signal.SIGTRAP, "trace").IfEqual(Signal.SIGBUS, "trace").IfEqual(Signal.SIGSEGV, "trace").IfEqual(Signal.SIGFPE, "trace").IfEqual(Signal.SIGSYS, "trace")
            .Return(BpfProgram.Allow)).Assemble();
    }

    /// <summary>What a program that has opened the device may do besides: change its mappings, ask about them, and its descriptors.</summary>
    public static byte[] DeviceUser()
    {
        BpfProgram p = Prologue();
        foreach (long number in (long[])[SystemCall.Munmap, SystemCall.Mremap, SystemCall.Madvise, SystemCall.Mprotect, SystemCall.PkeyMprotect,
            SystemCall.Mlock, SystemCall.Mlock2, SystemCall.Mlockall, SystemCall.Msync, SystemCall.Mincore, SystemCall.RemapFilePages, SystemCall.ProcessMadvise, SystemCall.Mseal,
            SystemCall.Close, SystemCall.CloseRange, SystemCall.Dup2, SystemCall.Dup3, SystemCall.Fstat,
            SystemCall.Ftruncate, SystemCall.Fallocate, SystemCall.Flock, SystemCall.Fsync, SystemCall.Fdatasync])
        {
            p.IfEqual((uint)number, "trace");
        }

        foreach (long number in (long[])[SystemCall.Pread64, SystemCall.Pwrite64, SystemCall.Preadv, SystemCall.Pwritev, SystemCall.Preadv2, SystemCall.Pwritev2])
        {
            p.IfEqual((uint)number, "position");
        }

        return Epilogue(p
            .IfEqual((uint)SystemCall.Mmap, "mmap")
            .IfEqual((uint)SystemCall.Newfstatat, "empty")
            .IfEqual((uint)SystemCall.Fcntl, "fcntl")
            .IfEqual((uint)SystemCall.Shmat, "shmat")
            .IfEqual((uint)SystemCall.Ioctl, "ioctl")
            .Return(BpfProgram.Allow)
            .Label("mmap").Load(BpfProgram.ArgumentOffset(3)).IfAny(MemoryProtection.Fixed | MemoryProtection.FixedNoReplace, "trace")
            .IfAny(MemoryProtection.Anonymous, "allow").Jump("trace")
            .Label("empty").Load(BpfProgram.ArgumentOffset(3)).IfAny(0x1000, "trace")
            .Return(BpfProgram.Allow)

            // From 1 TiB on: where an enclave's bytes lie in its file, and no other file's.
            .Label("position").Load(BpfProgram.ArgumentOffset(3) + 4).IfAny(0xffffff00, "trace").Return(BpfProgram.Allow)
            .Label("fcntl").Load(BpfProgram.ArgumentOffset(1)).IfEqual(AddSeals, "trace").IfEqual(GetSeals, "trace").Return(BpfProgram.Allow)
            .Label("ioctl").Load(BpfProgram.ArgumentOffset(1)).IfEqual(Userfaultfd.RegisterRequest, "trace").IfEqual(Userfaultfd.UnregisterRequest, "trace").Return(BpfProgram.Allow)
            .Label("shmat").Load(BpfProgram.ArgumentOffset(2)).IfAny(ShmRemap, "trace").Return(BpfProgram.Allow)).Assemble();
    }

    /// <summary>What changes a thread's signal mask.</summary>
    public static byte[] SignalMasks() => Epilogue(Prologue()
        .IfEqual((uint)SystemCall.RtSigreturn, "trace")
        .IfEqual((uint)SystemCall.RtSigprocmask, "mask")
        .Return(BpfProgram.Allow)

        // Without a new set it only asks. A pointer's halves are looked at one by one.
        .Label("mask").Load(BpfProgram.ArgumentOffset(1)).UnlessEqual(0, "trace")
        .Load(BpfProgram.ArgumentOffset(1) + 4).UnlessEqual(0, "trace").Return(BpfProgram.Allow)).Assemble();

    /// <summary>Every system call made from inside an enclave's range: SYSCALL is illegal there.</summary>
    /// <remarks>A range may hold all of user space, the gadget too.</remarks>
    public static byte[] Elrange(ulong start, ulong size)
    {
        // An enclave is aligned to its size, a power of two: a range test is a mask test. SDM 3D, ECREATE.
        uint highMask = (uint)(~(size - 1) >> 32), lowMask = (uint)~(size - 1);
        return Epilogue(new BpfProgram()
            .Load(BpfProgram.InstructionPointerOffset + 4).And(highMask).UnlessEqual((uint)(start >> 32) & highMask, "allow")
            .Load(BpfProgram.InstructionPointerOffset).And(lowMask).UnlessEqual((uint)start & lowMask, "allow")).Assemble();
    }

    // The number comes first and decides for most calls: the kernel then remembers that it need not run the filter for them
    // at all (SECCOMP_CACHE). Only what would stop is asked where it comes from.
    private static BpfProgram Prologue() => new BpfProgram()
        .Load(BpfProgram.ArchitectureOffset).UnlessEqual(ArchitectureX8664, "allow")
        .Load(BpfProgram.NumberOffset).IfEqual(Gadget.EndOfBatch, "end");

    // What the gadget calls passes, but for the end of a batch.
    private static BpfProgram Epilogue(BpfProgram program) => program
        .Label("trace").UnlessAt(Area.Gadget, "always").Return(BpfProgram.Allow)
        .Label("end").UnlessAt(Area.Gadget, "allow")
        .Label("always").Return(BpfProgram.Trace)
        .Label("allow").Return(BpfProgram.Allow);

    // A page, by its address.
    private static BpfProgram UnlessAt(this BpfProgram program, ulong page, string label) => program
        .Load(BpfProgram.InstructionPointerOffset + 4).UnlessEqual((uint)(page >> 32), label)
        .Load(BpfProgram.InstructionPointerOffset).And(0xfffff000).UnlessEqual(unchecked((uint)page), label);
}
