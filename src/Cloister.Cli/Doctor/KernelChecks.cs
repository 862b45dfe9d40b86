using Cloister.Linux;

namespace Cloister.Cli.Doctor;

/// <summary>What the kernel has and permits.</summary>
internal static class KernelChecks
{
    /// <summary>One finding after the other, in the order in which the engine needs the things.</summary>
    public static IEnumerable<DoctorFinding> All() =>
        [Release(), Ptrace(), Seccomp(), Listener(), ProcessVmReadv(), Memfd(), PidfdGetfd(), Userfaultfd(), Kcmp(), LocalDescriptors(),
            UserNamespaces()];

    private static DoctorFinding Release()
    {
        string release = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        string[] parts = release.Split('.', '-');
        bool known = parts.Length >= 2 && int.TryParse(parts[0], out _) && int.TryParse(parts[1], out _);
        bool enough = known && (int.Parse(parts[0]), int.Parse(parts[1])).CompareTo((5, 19)) >= 0;
        return new DoctorFinding(enough ? FindingKind.Good : FindingKind.Limit, "kernel", "kernel", release,
            enough ? "5.19 or newer, which has all that is needed"
            : "older than 5.19, where userfaultfd first protects shared memory; the lines below tell what is missing");
    }

    private static DoctorFinding Ptrace()
    {
        Errno error = HostProbe.Ptrace();
        string yama = Failure.YamaScope() is { } scope ? $"yama.ptrace_scope {scope}" : "no Yama";
        return error == Errno.None
            ? new DoctorFinding(FindingKind.Good, "ptrace", "ptrace", $"permitted, {yama}",
                "programs can be traced; Cloister traces only what it starts itself")
            : new DoctorFinding(FindingKind.Fatal, "ptrace", "ptrace", $"{error}, {yama}", Failure.PtraceAdvice());
    }

    private static DoctorFinding Seccomp() => Needed("seccomp", "seccomp TRACE", HostProbe.SeccompTrace(),
        "only the system calls that concern SGX stop; all others run untouched",
        $"a kernel with CONFIG_SECCOMP_FILTER is needed, and {Failure.ContainerAdvice("seccomp")}");

    private static DoctorFinding Listener() => HostProbe.SeccompListener() is var error && error == Errno.None
        ? new DoctorFinding(FindingKind.Good, "seccomp_listener", "seccomp listener", "yes",
            "programs without SGX in them need not be traced, so gdb and strace may have them: --attach=device; the default is to trace all")
        : new DoctorFinding(FindingKind.Note, "seccomp_listener", "seccomp listener", $"{error}",
            "--attach=device cannot be had, which wants Linux 5.19; all programs are traced, as by default");

    private static DoctorFinding ProcessVmReadv() => HostProbe.ProcessVmReadv() is var error && error == Errno.None
        ? new DoctorFinding(FindingKind.Good, "process_vm_readv", "process_vm_readv", "yes",
            "a program's memory is read without stopping for each word")
        : new DoctorFinding(FindingKind.Limit, "process_vm_readv", "process_vm_readv", $"{error}",
            "memory of programs is read through /proc/PID/mem, which is slower");

    private static DoctorFinding Memfd() => Needed("memfd_create", "memfd_create", HostProbe.Memfd(),
        "enclave memory is a file in memory that program and machine share; /dev/shm is not used",
        $"needed for enclave memory; vm.memfd_noexec must not be 2, and {Failure.ContainerAdvice("memfd_create")}");

    private static DoctorFinding PidfdGetfd() => (HostProbe.PidfdGetfd(), HostProbe.OpenDescriptor()) switch
    {
        (Errno.None, _) =>
            new DoctorFinding(FindingKind.Good, "pidfd_getfd", "pidfd_getfd", "yes", "the machine shares the files that a program opens"),
        (var error, Errno.None) => new DoctorFinding(FindingKind.Limit, "pidfd_getfd", "pidfd_getfd", $"{error}",
            "the files of a program are opened through /proc/PID/fd, and enclave pages come and go by mprotect, which is slower; in a container --cap-add=SYS_PTRACE gives it, else Linux 5.6"),
        (var error, var open) =>
            new DoctorFinding(FindingKind.Fatal, "pidfd_getfd", "pidfd_getfd", $"{error}, and {open} from /proc/PID/fd",
                Failure.ContainerAdvice("pidfd_getfd")),
    };

    private static DoctorFinding Userfaultfd()
    {
        Errno error = Linux.Userfaultfd.Probe(out ulong features);
        if (error != Errno.None)
        {
            return new DoctorFinding(FindingKind.Limit, "userfaultfd", "userfaultfd", $"{error}",
                "enclave pages come and go by mprotect in the program, which is slower; in a container use --security-opt seccomp=unconfined or a profile that allows it, else a kernel with CONFIG_USERFAULTFD");
        }

        string missing = string.Join(", ", Linux.Userfaultfd.NeededFeatures.Where(f => (features & f.Bit) == 0).Select(f => f.Name));
        return missing.Length == 0
            ? new DoctorFinding(FindingKind.Good, "userfaultfd", "userfaultfd",
                "yes, with minor faults and write protection of shared memory",
                "pages of enclaves come and go without a system call of the program")
            : new DoctorFinding(FindingKind.Limit, "userfaultfd", "userfaultfd", $"without {missing}",
                "enclave pages come and go by mprotect in the program, which is slower; Linux 5.19 or newer has it");
    }

    private static DoctorFinding Kcmp() => HostKernel.SharesMemory(Environment.ProcessId, Environment.ProcessId) is true
        ? new DoctorFinding(FindingKind.Good, "kcmp", "kcmp", "yes",
            "whether a child shares its parent's memory (vfork) or has a copy is known")
        : new DoctorFinding(FindingKind.Note, "kcmp", "kcmp", "no",
            "whether a child shares its parent's memory (vfork) or has a copy is known by the call that made it");

    private static DoctorFinding LocalDescriptors() => HostProbe.ModifyLdt() is var error && error == Errno.None
        ? new DoctorFinding(FindingKind.Good, "modify_ldt", "modify_ldt", "yes",
            "the fast engine marks a thread that is inside by a segment selector")
        : new DoctorFinding(FindingKind.Limit, "modify_ldt", "modify_ldt", $"{error}",
            "the fast engine needs it (CONFIG_MODIFY_LDT_SYSCALL); enclaves are entered by --engine=trap");

    private static DoctorFinding UserNamespaces() =>
        new(FindingKind.Note, "user_namespaces", "user namespaces", "not looked at", "not needed, nor is root, nor a kernel module");

    private static DoctorFinding Needed(string key, string subject, Errno error, string meaning, string advice) => error == Errno.None
        ? new DoctorFinding(FindingKind.Good, key, subject, "yes", meaning)
        : new DoctorFinding(FindingKind.Fatal, key, subject, $"{error}", advice);
}
