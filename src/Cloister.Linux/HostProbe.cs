namespace Cloister.Linux;

/// <summary>Asks the kernel what it has, by trying it: what a sandbox forbids shows as missing, as it does to the engine.</summary>
public static unsafe class HostProbe
{
    /// <summary>The effective user id.</summary>
    public static uint EffectiveUser => (uint)NativeMethods.SystemCall(107, 0, 0, 0, 0, 0, 0);

    /// <summary>The effective group id.</summary>
    public static uint EffectiveGroup => (uint)NativeMethods.SystemCall(108, 0, 0, 0, 0, 0, 0);

    /// <summary>Starts a shell, seizes it and ends it again.</summary>
    /// <returns>What PTRACE_SEIZE answered.</returns>
    public static Errno Ptrace()
    {
        using StartingProgram shell = StartingProgram.Start();
        Errno error = Linux.Ptrace.Seize(shell.Id);
        shell.End();
        return error;
    }

    /// <summary>Whether seccomp filters may hand system calls to a tracer. SECCOMP_GET_ACTION_AVAIL, seccomp(2).</summary>
    public static Errno SeccompTrace()
    {
        const long getActionAvailable = 2;
        uint trace = BpfProgram.Trace;
        return Answer(NativeMethods.SystemCall(SystemCall.Seccomp, getActionAvailable, 0, (long)&trace, 0, 0, 0));
    }

    /// <summary>Whether a filter may ask a listener whose askers only SIGKILL wakes: Linux 5.19.</summary>
    /// <remarks>The flags are looked at before the filter, which is nowhere. kernel/seccomp.c, seccomp_set_mode_filter.</remarks>
    public static Errno SeccompListener()
    {
        const long setModeFilter = 1;
        Errno error =
            Answer(NativeMethods.SystemCall(SystemCall.Seccomp, setModeFilter, (long)Linux.SeccompListener.FilterFlags, 0, 0, 0, 0));
        return error == Errno.EFAULT ? Errno.None : error;
    }

    /// <summary>Whether this process can read memory by process_vm_readv(2).</summary>
    public static Errno ProcessVmReadv()
    {
        long source = 1, target = 0;
        long* local = stackalloc long[2] { (long)&target, 8 };
        long* remote = stackalloc long[2] { (long)&source, 8 };
        return Answer(NativeMethods.SystemCall(SystemCall.ProcessVmReadv, Environment.ProcessId, (long)local, 1, (long)remote, 1, 0));
    }

    /// <summary>Whether memfd_create(2) makes files as the engine needs them.</summary>
    public static Errno Memfd()
    {
        try
        {
            MappedFile.Create("cloister-probe", HostPage.Size).Dispose();
            return Errno.None;
        }
        catch (LinuxException e)
        {
            return e.Errno;
        }
    }

    /// <summary>Whether descriptors can be copied from another process by pidfd_getfd(2): from a child, as a program is one.</summary>
    public static Errno PidfdGetfd()
    {
        using StartingProgram shell = StartingProgram.Start();
        Errno error = Given(ForeignDescriptor.Copy(shell.Id, 0));
        shell.End();
        return error == Errno.EBADF ? Errno.None : error;
    }

    /// <summary>Whether a memory file can be opened anew through /proc.</summary>
    public static Errno OpenDescriptor()
    {
        try
        {
            using MappedFile file = MappedFile.Create("cloister-probe", HostPage.Size);
            return Given(HostKernel.Open(ProcPath.OfDescriptor(Environment.ProcessId, file.Descriptor)));
        }
        catch (LinuxException e)
        {
            return e.Errno;
        }
    }

    /// <summary>Whether local descriptor tables can be written: modify_ldt(2) may be left out of a kernel.</summary>
    public static Errno ModifyLdt() => Answer(NativeMethods.SystemCall(SystemCall.ModifyLdt, 0, 0, 0, 0, 0, 0));

    /// <summary>Whether protection keys can be had: pkey_alloc(2), given back at once.</summary>
    public static Errno ProtectionKeys()
    {
        const long allocate = 330, free = 331;
        long key = NativeMethods.SystemCall(allocate, 0, 0, 0, 0, 0, 0);
        if (key < 0)
        {
            return NativeMethods.LastError;
        }

        _ = NativeMethods.SystemCall(free, key, 0, 0, 0, 0, 0);
        return Errno.None;
    }

    /// <summary>Whether CPUID can be made to fault: ARCH_SET_CPUID, arch_prctl(2). ENODEV where the processor cannot.</summary>
    public static Errno CpuidFaulting()
    {
        const long setCpuid = 0x1012, enabled = 1;
        return Answer(NativeMethods.SystemCall(SystemCall.ArchPrctl, setCpuid, enabled, 0, 0, 0, 0));
    }

    // A descriptor, which is closed again, or minus an errno.
    private static Errno Given(int descriptor)
    {
        if (descriptor < 0)
        {
            return (Errno)(-descriptor);
        }

        HostKernel.Close(descriptor);
        return Errno.None;
    }

    /// <summary>
    /// The XSAVE components that programs have, as bits of XCR0: ARCH_GET_XCOMP_SUPP, arch_prctl(2). Null before Linux 5.16.
    /// </summary>
    public static ulong? ExtendedState()
    {
        const long getSupported = 0x1021;
        ulong components = 0;
        return Answer(NativeMethods.SystemCall(SystemCall.ArchPrctl, getSupported, (long)&components, 0, 0, 0, 0)) == Errno.None
            ? components : null;
    }

    private static Errno Answer(long result) => result < 0 ? NativeMethods.LastError : Errno.None;
}
