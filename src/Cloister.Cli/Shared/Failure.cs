using System.Globalization;
using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>Errors of the command itself: one line on the error stream, and an exit status of its own (numbers as in sysexits.h).</summary>
internal static class Failure
{
    /// <summary>The command line is wrong.</summary>
    public const int Usage = 64;

    /// <summary>The program is there, and is not one that can run here.</summary>
    public const int NotRunnable = 65;

    /// <summary>The program is not there.</summary>
    public const int NotFound = 66;

    /// <summary>The machine lacks what is needed.</summary>
    public const int Unavailable = 69;

    /// <summary>A defect of Cloister's own.</summary>
    public const int Internal = 70;

    /// <summary>Output could not be written.</summary>
    public const int InputOutput = 74;

    /// <summary>The kernel does not permit it.</summary>
    public const int NotPermitted = 77;

    /// <summary>Whether to print everything about exceptions.</summary>
    public static bool Debugging => Environment.GetEnvironmentVariable("CLOISTER_DEBUG") is { Length: > 0 } and not "0";

    /// <summary>Prints one line and gives back the status.</summary>
    public static int Report(string message, int status)
    {
        try
        {
            Console.Error.WriteLine($"cloister: {message}");
        }
        catch (Exception e) when (e is IOException or TypeInitializationException or System.ComponentModel.Win32Exception)
        {
            // The error stream is closed or full, or there is no descriptor or thread left to open it once more.
            _ = HostKernel.WriteError($"cloister: {message}\n");
        }

        return status;
    }

    /// <summary>Says what an exception that nobody expected means.</summary>
    public static int Report(Exception exception)
    {
        if (Debugging)
        {
            _ = HostKernel.WriteError($"{exception}\n");
        }

        return exception switch
        {
            LinuxException e => Report(Explain(e).Message, Explain(e).Status),
            StreamException e => Report(OneLine(e), InputOutput),
            IOException e => Report($"{OneLine(e)}; is the disk full or the output closed?", InputOutput),
            _ => Report($"internal error: {exception.GetType().Name}: {OneLine(exception)}; CLOISTER_DEBUG=1 shows where. Please report it",
                Internal),
        };
    }

    /// <summary>What a system call's failure means, in a line, and the exit status for it.</summary>
    public static (string Message, int Status) Explain(LinuxException e) => e.Call switch
    {
        "ptrace(PTRACE_SEIZE)" when e.Errno is Errno.EPERM or Errno.ENOSYS => (PtraceAdvice(), NotPermitted),
        "seccomp(SECCOMP_SET_MODE_FILTER)" =>
            ($"this kernel or container refuses seccomp filters ({e.Errno}); a kernel with CONFIG_SECCOMP_FILTER is needed, and {ContainerAdvice("seccomp")}", Unavailable),
        "userfaultfd" or "ioctl(UFFDIO_API)" or "ioctl(UFFDIO_REGISTER)" =>
            ($"{e.Message}: no userfaultfd as the machine needs it: Linux 5.19 or newer, and in a container a seccomp profile that allows it (`cloister doctor` tells more)", Unavailable),
        "execve" => ($"the program cannot be started: {e.Errno switch
        {
            Errno.E2BIG => "its arguments and environment are too long",
            Errno.ETXTBSY => "its file is open for writing",
            Errno.ENOENT => "its dynamic linker (ELF interpreter) is not there",
            Errno.EPERM => "the kernel does not permit it: is it linked to run at address 0, or on a nosuid file system?",
            var other => other.ToString(),
        }}", NotRunnable),
        "mmap" when e.Errno == Errno.EEXIST =>
            ("something of the program's own lies where Cloister keeps its pages in each program (0x7e9000000000)", NotRunnable),
        "memfd_create" =>
            ($"{e.Message}: enclave memory is a file in memory: vm.memfd_noexec must not be 2, and {ContainerAdvice("memfd_create")}",
                Unavailable),
        _ when e.Errno is Errno.EPERM or Errno.ENOSYS => ($"{e.Message}: {ContainerAdvice(e.Call)}", NotPermitted),
        _ when e.Errno is Errno.ENOMEM => ($"{e.Message}: out of memory; a smaller --epc may help", Unavailable),
        _ when e.Errno is Errno.EMFILE => ($"{e.Message}: no descriptor left; raise the limit of open files (ulimit -n)", Unavailable),
        _ when e.Errno is Errno.ENOSPC => ($"{e.Message}: no space left", InputOutput),
        _ => ($"{e.Message}; `cloister doctor` shows what this machine lacks, CLOISTER_DEBUG=1 where it happened", Internal),
    };

    /// <summary>What helps where a sandbox forbids a system call.</summary>
    public static string ContainerAdvice(string call) =>
        $"a sandbox must allow {call}: in a container use --security-opt seccomp=unconfined or a profile that allows it (Kubernetes: seccompProfile; systemd: SystemCallFilter=)";

    /// <summary>Why a program cannot be traced, and what helps.</summary>
    public static string PtraceAdvice()
    {
        if (HostKernel.StatusField(Environment.ProcessId, "TracerPid:") is { } text
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int tracer) && tracer != 0)
        {
            return $"process {tracer} traces Cloister and its children (a debugger, strace -f), and a process has one tracer; run Cloister without it";
        }

        return YamaScope() switch
        {
            >= 3 => "kernel.yama.ptrace_scope is 3: nobody may trace until the next boot; set it to 1 in /etc/sysctl.d and reboot",
            2 => "kernel.yama.ptrace_scope is 2: only root may trace; run as root or `sysctl kernel.yama.ptrace_scope=1`",
            _ => "not permitted to trace programs; in a container add --cap-add=SYS_PTRACE or a seccomp profile that allows ptrace",
        };
    }

    /// <summary>kernel.yama.ptrace_scope, or null where there is no Yama.</summary>
    public static int? YamaScope()
    {
        try
        {
            return int.Parse(File.ReadAllText("/proc/sys/kernel/yama/ptrace_scope"), CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }

    private static string OneLine(Exception e) => e.Message.ReplaceLineEndings(" ");
}
