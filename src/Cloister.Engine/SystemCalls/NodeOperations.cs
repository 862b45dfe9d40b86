using Cloister.Engine.Devices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>System calls on the descriptor of a device node that its memory file would answer otherwise: the nodes
/// have ioctl and mmap only.</summary>
/// <remarks>Source: Linux, arch/x86/kernel/cpu/sgx/driver.c, sgx_encl_fops; fs/open.c, fs/read_write.c, fs/sync.c,
/// mm/memfd.c. Reading and writing at the file's position are refused by the position itself (<see cref="MemoryFiles"/>).</remarks>
internal sealed class NodeOperations(DeviceFiles files)
{
    /// <summary>What is to become of a thread that stands before its call.</summary>
    public Answer Handle(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        if (files.Find(thread, (int)r.Rdi) is null)
        {
            return Answer.Pass;
        }

        const int sharedLock = 1, exclusiveLock = 2, unlock = 8, dontBlock = 4;
        bool isLock = ((int)r.Rsi & ~dontBlock) is sharedLock or exclusiveLock or unlock;
        long result = (long)r.OrigRax switch
        {
            SystemCall.Fallocate => (long)r.Rdx < 0 || (long)r.R10 <= 0 ? -(long)Errno.EINVAL : -(long)Errno.ENODEV,

            // The open file has a lock of Cloister's own (OpenFileHold), which must not be given up.
            SystemCall.Flock when isLock => 0,

            // ftruncate, fsync, fdatasync, the seals of fcntl, pread and pwrite and their kin.
            _ => -(long)Errno.EINVAL,
        };
        return Answer.Made(result);
    }
}
