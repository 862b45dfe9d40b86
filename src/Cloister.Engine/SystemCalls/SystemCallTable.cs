using System.Text;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>The system calls that may stop: the filters, who answers, and docs/reference/system-calls.md come from
/// here. All others run untouched.</summary>
internal static class SystemCallTable
{
    private const uint AtFdcwd = 0xffffff9c, AtEmptyPath = 0x1000; // uapi linux/fcntl.h
    private const uint AddSeals = 1033, GetSeals = 1034, ShmRemap = 0x4000, ShmExec = 0x8000;
    private const uint InternetAddressLength = 16; // struct sockaddr_in: uapi linux/in.h
    private const uint NoHang = 1, ByPidfd = 3; // WNOHANG and P_PIDFD of uapi linux/wait.h
    private const string Path =
    "Finds the device's nodes, the flags in /proc/cpuinfo, the size of the EPC and the files that services serve.";
    private const string Node = "Answers for an open file of the device, whose nodes have ioctl and mmap only.";

    // Nobody opens the device relative to another directory, and tree walks do it all the time.
    private static readonly ArgumentTest s_here = new ArgumentTest("relative to the working directory").When(0, AtFdcwd);

    private static readonly ArgumentTest s_executable = new ArgumentTest("when it asks for PROT_EXEC").WhenAny(2, MemoryProtection.Execute);

    private static readonly ArgumentTest s_local = new ArgumentTest("to an address that is not IPv4's", otherwise: true)
        .Unless(2, InternetAddressLength);

    // From 1 TiB on: where an enclave's bytes lie in its file, and no other file's.
    private static readonly ArgumentTest s_far = new ArgumentTest("from 1 TiB on").WhenAnyHigh(3, 0xffffff00);

    /// <summary>The rows. Those of a filter are asked in this order.</summary>
    public static IReadOnlyList<SystemCallRow> Rows { get; } =
    [
        new(SystemCall.Open, "open", Path, (on, t) => on.ByPath(t), Base(), Untraced()),
        new(SystemCall.Stat, "stat", Path, (on, t) => on.ByPath(t), Base(), Untraced()),
        new(SystemCall.Lstat, "lstat", Path, (on, t) => on.ByPath(t), Base(), Untraced()),
        new(SystemCall.Access, "access", Path, (on, t) => on.ByPath(t), Base(), Untraced()),
        new(SystemCall.AddKey, "add_key", "Answers for keys of the type enclave_execdirty, which only drivers of 2019 know.", (on, t) =>
            on.AddKey(t), Base()),
        new(SystemCall.SchedGetaffinity, "sched_getaffinity", "Gives the thread its own affinity back first.", (on, t) =>
            on.Affinity(t), Base()),
        new(SystemCall.SchedSetaffinity, "sched_setaffinity", "Gives the thread its own affinity back first.", (on, t) =>
            on.Affinity(t), Base()),
        new(SystemCall.Seccomp, "seccomp", "Makes a filter of the program's own pass what Cloister calls in its name.",
            (_, t) => OwnFilters.Seccomp(t), Base()),
        new(SystemCall.Openat, "openat", Path, (on, t) => on.ByPath(t), Base(s_here), Untraced(s_here)),
        new(SystemCall.Openat2, "openat2", Path, (on, t) => on.ByPath(t), Base(s_here), Untraced(s_here)),
        new(SystemCall.Newfstatat, "newfstatat", Path, (on, t) => on.StatAt(t), Base(s_here), Untraced(s_here),
            User(new ArgumentTest("with AT_EMPTY_PATH").WhenAny(3, AtEmptyPath))),
        new(SystemCall.Statx, "statx", Path, (on, t) => on.ByPath(t), Base(s_here), Untraced(s_here)),
        new(SystemCall.Faccessat, "faccessat", Path, (on, t) => on.ByPath(t), Base(s_here), Untraced(s_here)),
        new(SystemCall.Faccessat2, "faccessat2", Path, (on, t) => on.ByPath(t), Base(s_here), Untraced(s_here)),
        new(SystemCall.Ioctl, "ioctl",
            "On the device the driver does it, in slices between which other threads are served; a userfaultfd cannot watch the device.",
            (on, t) => on.Ioctl(t),
            Base(new ArgumentTest("of magic number 0xa4").WhenMasked(1, 0xff00, 0xa400)),
            User(new ArgumentTest("UFFDIO_REGISTER and UFFDIO_UNREGISTER")
            .When(1, Userfaultfd.RegisterRequest, Userfaultfd.UnregisterRequest))),

        // A file mapped executable may hold CPUID; a file mapped shared may be the device.
        new(SystemCall.Mmap, "mmap", "Maps the device by the driver's rules; looks for CPUID in what becomes executable.", (on, t) =>
            on.Map(t),
            Base(new ArgumentTest("of a file, shared or with PROT_EXEC").UnlessAny(3, MemoryProtection.Anonymous)
            .WhenAny(3, MemoryProtection.Shared)
                .WhenAny(2, MemoryProtection.Execute)),
            (FilterSet.MappedFiles, new ArgumentTest("of any file").UnlessAny(3, MemoryProtection.Anonymous)
                .WhenAny(3, MemoryProtection.Shared).WhenAny(2, MemoryProtection.Read | MemoryProtection.Execute)),
            User(new ArgumentTest("at a fixed place, of a file, or with PROT_EXEC", otherwise: true)
            .WhenAny(3, MemoryProtection.Fixed | MemoryProtection.FixedNoReplace).WhenAny(2, MemoryProtection.Execute)
                .UnlessAny(3, MemoryProtection.Anonymous))),
        new(SystemCall.Mprotect, "mprotect",
        "Protects mappings of the device by the driver's rules; looks for CPUID in what becomes executable.",
            (on, t) => on.Protect(t), Base(s_executable), User()),
        new(SystemCall.PkeyMprotect, "pkey_mprotect", "As mprotect.", (on, t) => on.Protect(t), Base(s_executable), User()),
        new(SystemCall.RtSigaction, "rt_sigaction", "Remembers the action: a stop of ours may make the kernel change it.",
            (_, t) => SystemCallHandlers.Sigaction(t),
            Base(new ArgumentTest("of SIGILL, SIGTRAP, SIGBUS, SIGSEGV, SIGFPE and SIGSYS")
                .When(0, Signal.SIGILL, Signal.SIGTRAP, Signal.SIGBUS, Signal.SIGSEGV, Signal.SIGFPE, Signal.SIGSYS))),
        new(SystemCall.Prctl, "prctl", "As seccomp.", (_, t) => OwnFilters.Prctl(t),
            Base(new ArgumentTest("PR_SET_SECCOMP and PR_GET_SECCOMP").When(0, OwnFilters.SetSeccomp, OwnFilters.GetSeccomp))),

        // What the kernel says that has ended, by a pidfd for one, the tracer must have taken. A pidfd may be non-blocking by itself.
        new(SystemCall.Wait4, "wait4", "Takes all ends first that the kernel has to tell.", (on, t) => on.Wait(t),
            Base(new ArgumentTest("with WNOHANG").WhenAny(2, NoHang))),
        new(SystemCall.Waitid, "waitid", "Takes all ends first that the kernel has to tell.", (on, t) => on.Wait(t),
            Base(new ArgumentTest("with WNOHANG, or by a pidfd").When(0, ByPidfd).WhenAny(3, NoHang))),

        // An address of another length than IPv4's may be that of a UNIX socket which a service stands behind.
        new(SystemCall.Connect, "connect", "Connects the program's socket to a service of this process where the address is one's.",
            (on, t) => on.Connect(t),
            Base(s_local), Untraced(s_local)),
        new(SystemCall.Execve, "execve", "Looks whether the file speaks of SGX.", (_, _) => Programs.Answer.Pass, Untraced()),
        new(SystemCall.Execveat, "execveat", "Looks whether the file speaks of SGX.", (_, _) => Programs.Answer.Pass, Untraced()),
        new(SystemCall.Munmap, "munmap", "The books forget what is the device's before the thread makes the call.", (on, t) =>
            on.Unmap(t), User()),
        new(SystemCall.Mremap, "mremap", "Mappings of the device shrink only; others may be put over them.", (on, t) =>
            on.Remap(t), User()),
        new(SystemCall.Madvise, "madvise", "Advice for the device's mappings, as for those with VM_PFNMAP.", (on, t) =>
            on.Advise(t), User()),
        new(SystemCall.Mlock, "mlock", "Passes the device's mappings over.", (_, t) => MemoryLocks.Lock(t, 0), User()),
        new(SystemCall.Mlock2, "mlock2", "Passes the device's mappings over.", (_, t) => MemoryLocks.Lock(t, t.Peek().Rdx), User()),
        new(SystemCall.Mlockall, "mlockall", "Passes the device's mappings over.", (_, t) => MemoryLocks.LockAll(t), User()),
        new(SystemCall.Msync, "msync", "The device has nothing to be synchronised with.", (_, t) => RangeCalls.Synchronize(t), User()),
        new(SystemCall.Mincore, "mincore", "Nothing of the device is in a page cache.", (_, t) => RangeCalls.TellResidence(t), User()),
        new(SystemCall.RemapFilePages, "remap_file_pages", "Maps the device anew in the same place.",
            (_, t) => RangeCalls.RemapFilePages(t), User()),
        new(SystemCall.ProcessMadvise, "process_madvise", "As madvise, of another process as well.", (on, t) =>
            on.AdviseProcess(t), User()),
        new(SystemCall.Mseal, "mseal", "Seals mappings of the device in the books.", (_, t) => Seals.Seal(t), User()),
        new(SystemCall.Close, "close", "Looks afterwards whether the device's file is still open.", (on, t) => on.Close(t), User()),
        new(SystemCall.CloseRange, "close_range", "Looks afterwards whether the device's files are still open.", (on, t) =>
            on.CloseRange(t), User()),
        new(SystemCall.Dup2, "dup2", "Looks afterwards whether the device's file is still open.", (on, t) => on.Close(t), User()),
        new(SystemCall.Dup3, "dup3", "Looks afterwards whether the device's file is still open.", (on, t) => on.Close(t), User()),
        new(SystemCall.Fstat, "fstat", "Shows an open file of the device as its node.", (on, t) => on.Stat(t), User()),
        new(SystemCall.Ftruncate, "ftruncate", Node, (on, t) => on.OnNode(t), User()),
        new(SystemCall.Fallocate, "fallocate", Node, (on, t) => on.OnNode(t), User()),
        new(SystemCall.Flock, "flock", Node, (on, t) => on.OnNode(t), User()),
        new(SystemCall.Fsync, "fsync", Node, (on, t) => on.OnNode(t), User()),
        new(SystemCall.Fdatasync, "fdatasync", Node, (on, t) => on.OnNode(t), User()),
        new(SystemCall.Pread64, "pread64", Node, (on, t) => on.OnNode(t), User(s_far)),
        new(SystemCall.Pwrite64, "pwrite64", Node, (on, t) => on.OnNode(t), User(s_far)),
        new(SystemCall.Preadv, "preadv", Node, (on, t) => on.OnNode(t), User(s_far)),
        new(SystemCall.Pwritev, "pwritev", Node, (on, t) => on.OnNode(t), User(s_far)),
        new(SystemCall.Preadv2, "preadv2", Node, (on, t) => on.OnNode(t), User(s_far)),
        new(SystemCall.Pwritev2, "pwritev2", Node, (on, t) => on.OnNode(t), User(s_far)),
        new(SystemCall.Fcntl, "fcntl", Node, (on, t) => on.OnNode(t),
            User(new ArgumentTest("F_ADD_SEALS and F_GET_SEALS").When(1, AddSeals, GetSeals))),
        new(SystemCall.Shmat, "shmat", "As mmap at a fixed place.", (on, t) => on.Attach(t),
            User(new ArgumentTest("with SHM_REMAP or SHM_EXEC").WhenAny(2, ShmRemap | ShmExec))),
        new(SystemCall.RtSigreturn, "rt_sigreturn", "Follows the thread's signal mask.", (on, t) => on.Mask(t), Masks(ArgumentTest.Always)),

        // Without a new set it only asks. A pointer's halves are looked at one by one.
        new(SystemCall.RtSigprocmask, "rt_sigprocmask", "Follows the thread's signal mask.", (on, t) => on.Mask(t),
            Masks(new ArgumentTest("with a new set").WhenAny(1, uint.MaxValue).WhenAnyHigh(1, uint.MaxValue))),
    ];

    private static readonly Dictionary<long, SystemCallRow> s_byNumber = Rows.ToDictionary(row => row.Number);

    /// <summary>The row of a number.</summary>
    public static SystemCallRow? Find(long number) => s_byNumber.GetValueOrDefault(number);

    /// <summary>The seccomp filter of a set.</summary>
    /// <param name="set">Which.</param>
    /// <param name="before">A set that goes before it where a call has it.</param>
    public static byte[] FilterOf(FilterSet set, FilterSet? before = null)
    {
        IEnumerable<TracedCall> calls = Rows.SelectMany(row => row.Stops.Where(stop => stop.Set == before)
            .Concat(row.Stops.Where(stop => stop.Set == set)).Take(1), (row, stop) => new TracedCall(row.Number, stop.Test));
        return set == FilterSet.Untraced ? SyscallFilter.Asking(calls) : SyscallFilter.Of(calls);
    }

    /// <summary>The rows as docs/reference/system-calls.md shows them.</summary>
    public static string RenderMarkdown()
    {
        var text = new StringBuilder("| Call | Stops | What is done |\n|---|---|---|\n");
        foreach (SystemCallRow row in Rows.OrderBy(row => row.Name, StringComparer.Ordinal))
        {
            string stops = string.Join("; ", row.Stops.Select(stop => stop.Set switch
            {
                FilterSet.Untraced => $"of a program that is not traced yet: {stop.Test.Text}",
                FilterSet.DeviceUser => $"of a program that uses the device: {stop.Test.Text}",
                FilterSet.MappedFiles => $"where bytes of files are replaced: {stop.Test.Text}",
                FilterSet.SignalMasks => $"of a program whose signal masks are followed: {stop.Test.Text}",
                _ => stop.Test.Text,
            }));
            text.Append($"| {row.Name} | {stops} | {row.Sentence} |\n");
        }

        return text.ToString();
    }

    private static (FilterSet Set, ArgumentTest Test) Base(ArgumentTest? test = null) => (FilterSet.Base, test ?? ArgumentTest.Always);

    private static (FilterSet Set, ArgumentTest Test) Untraced(ArgumentTest? test = null) =>
        (FilterSet.Untraced, test ?? ArgumentTest.Always);

    private static (FilterSet Set, ArgumentTest Test) User(ArgumentTest? test = null) =>
        (FilterSet.DeviceUser, test ?? ArgumentTest.Always);

    private static (FilterSet Set, ArgumentTest Test) Masks(ArgumentTest test) => (FilterSet.SignalMasks, test);
}
