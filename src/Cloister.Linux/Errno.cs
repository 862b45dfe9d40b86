namespace Cloister.Linux;

/// <summary>Error numbers of the kernel that Cloister itself meets. Source: uapi asm-generic/errno-base.h and errno.h.</summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,
    /// <summary>Operation not permitted.</summary>
    EPERM = 1,
    /// <summary>No such file or directory.</summary>
    ENOENT = 2,
    /// <summary>No such process.</summary>
    ESRCH = 3,
    /// <summary>Interrupted system call.</summary>
    EINTR = 4,
    /// <summary>Input or output error.</summary>
    EIO = 5,
    /// <summary>No such device or address.</summary>
    ENXIO = 6,
    /// <summary>Argument list too long.</summary>
    E2BIG = 7,
    /// <summary>Exec format error.</summary>
    ENOEXEC = 8,
    /// <summary>Bad file descriptor.</summary>
    EBADF = 9,
    /// <summary>No child processes.</summary>
    ECHILD = 10,
    /// <summary>Try again.</summary>
    EAGAIN = 11,
    /// <summary>Out of memory.</summary>
    ENOMEM = 12,
    /// <summary>Permission denied.</summary>
    EACCES = 13,
    /// <summary>Bad address.</summary>
    EFAULT = 14,
    /// <summary>Device or resource busy.</summary>
    EBUSY = 16,
    /// <summary>File exists.</summary>
    EEXIST = 17,
    /// <summary>No such device.</summary>
    ENODEV = 19,
    /// <summary>Not a directory.</summary>
    ENOTDIR = 20,
    /// <summary>Is a directory.</summary>
    EISDIR = 21,
    /// <summary>Invalid argument.</summary>
    EINVAL = 22,
    /// <summary>Too many open files.</summary>
    EMFILE = 24,
    /// <summary>Not a terminal; for devices: unknown ioctl.</summary>
    ENOTTY = 25,
    /// <summary>The program's file is open for writing.</summary>
    ETXTBSY = 26,
    /// <summary>File too large.</summary>
    EFBIG = 27,
    /// <summary>No space left on device.</summary>
    ENOSPC = 28,
    /// <summary>Read-only file system.</summary>
    EROFS = 30,
    /// <summary>Nobody reads the pipe any more.</summary>
    EPIPE = 32,
    /// <summary>File name too long.</summary>
    ENAMETOOLONG = 36,
    /// <summary>Function not implemented.</summary>
    ENOSYS = 38,
    /// <summary>Value too large.</summary>
    EOVERFLOW = 75,
    /// <summary>Not supported here.</summary>
    EOPNOTSUPP = 95,
    /// <summary>Nobody listens at the address.</summary>
    ECONNREFUSED = 111,
    /// <summary>Made again after a handler with SA_RESTART; else EINTR. No program sees it: include/linux/errno.h.</summary>
    ERESTARTSYS = 512,
    /// <summary>Always made again. No program sees it.</summary>
    ERESTARTNOINTR = 513,
    /// <summary>Made again where no handler runs. No program sees it.</summary>
    ERESTARTNOHAND = 514,
    /// <summary>Made again by restart_syscall where no handler runs. No program sees it.</summary>
    ERESTART_RESTARTBLOCK = 516,
}
