namespace Cloister.Driver;

/// <summary>
/// The error numbers the driver can give, by the kernel's names and values
/// (include/uapi/asm-generic/errno-base.h, include/linux/errno.h). A system call returns them negated.
/// </summary>
public enum DriverError
{
    /// <summary>Success.</summary>
    None = 0,

    /// <summary>Operation not permitted.</summary>
    EPERM = 1,

    /// <summary>Interrupted by a signal.</summary>
    EINTR = 4,

    /// <summary>Input or output error: a leaf that builds the enclave faulted.</summary>
    EIO = 5,

    /// <summary>Try again.</summary>
    EAGAIN = 11,

    /// <summary>Out of memory, or out of EPC pages with nothing to reclaim.</summary>
    ENOMEM = 12,

    /// <summary>Permission denied.</summary>
    EACCES = 13,

    /// <summary>Bad address, or a leaf failed where the driver did not expect it.</summary>
    EFAULT = 14,

    /// <summary>Busy: another ioctl runs on the same file, or the page exists already.</summary>
    EBUSY = 16,

    /// <summary>Nothing there: the mapping has no enclave yet.</summary>
    ENOENT = 2,

    /// <summary>The out-of-tree driver's word for a machine without SGX2.</summary>
    ENOSYS = 38,

    /// <summary>There already.</summary>
    EEXIST = 17,

    /// <summary>The machine has not the feature.</summary>
    ENODEV = 19,

    /// <summary>Invalid argument.</summary>
    EINVAL = 22,

    /// <summary>No such command on this device.</summary>
    ENOTTY = 25,

    /// <summary>
    /// Kernel internal: interrupted before anything was done. What the program sees, EINTR or a
    /// restarted call, depends on SA_RESTART of the signal delivered (signal(7)).
    /// </summary>
    ERESTARTSYS = 512,
}
