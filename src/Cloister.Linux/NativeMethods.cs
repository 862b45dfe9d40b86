using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>The C library's entry points. Everything else in this project is written over these.</summary>
internal static unsafe partial class NativeMethods
{
    private const string C = "libc";

    [LibraryImport(C, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long SystemCall(long number, long a, long b, long c, long d, long e, long f);

    [LibraryImport(C, EntryPoint = "ptrace", SetLastError = true)]
    internal static partial long Ptrace(long request, int thread, nint address, nint data);

    [LibraryImport(C, EntryPoint = "wait4", SetLastError = true)]
    internal static partial int Wait4(int process, int* status, int options, void* usage);

    [LibraryImport(C, EntryPoint = "mmap", SetLastError = true)]
    internal static partial nint Mmap(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport(C, EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Munmap(nint address, nuint length);

    [LibraryImport(C, EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int Ioctl(int file, nuint request, void* argument);

    [LibraryImport(C, EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int Fallocate(int file, int mode, long offset, long length);

    [LibraryImport(C, EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int file);

    [LibraryImport(C, EntryPoint = "pwrite", SetLastError = true)]
    internal static partial nint Pwrite(int file, void* buffer, nuint length, long offset);

    [LibraryImport(C, EntryPoint = "pread", SetLastError = true)]
    internal static partial nint Pread(int file, void* buffer, nuint length, long offset);

    [LibraryImport(C, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags, int mode);

    [LibraryImport(C, EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int PosixSpawn(int* process, string path, void* actions, void* attributes, byte** argv, byte** environment);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_init")]
    internal static partial int SpawnFileActionsInitialize(void* actions);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_adddup2")]
    internal static partial int SpawnFileActionsAddDup2(void* actions, int from, int to);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_destroy")]
    internal static partial int SpawnFileActionsDestroy(void* actions);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_init")]
    internal static partial int SpawnAttributesInitialize(void* attributes);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_setflags")]
    internal static partial int SpawnAttributesSetFlags(void* attributes, short flags);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_setsigdefault")]
    internal static partial int SpawnAttributesSetSignalDefault(void* attributes, void* set);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_setsigmask")]
    internal static partial int SpawnAttributesSetSignalMask(void* attributes, void* set);

    [LibraryImport(C, EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int process, int signal);

    [LibraryImport(C, EntryPoint = "sched_setaffinity", SetLastError = true)]
    internal static partial int SchedSetAffinity(int thread, nuint length, ulong* mask);

    [LibraryImport(C, EntryPoint = "sched_getaffinity", SetLastError = true)]
    internal static partial int SchedGetAffinity(int thread, nuint length, ulong* mask);

    [LibraryImport(C, EntryPoint = "getauxval")]
    internal static partial ulong Getauxval(ulong type);

    [LibraryImport(C, EntryPoint = "sigaction", SetLastError = true)]
    internal static partial int SignalAction(int signal, void* action, void* old);

    internal static Errno LastError => (Errno)Marshal.GetLastPInvokeError();
}
