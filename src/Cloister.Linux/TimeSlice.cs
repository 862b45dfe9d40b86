using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>
/// How long an ordinary thread runs in one go. With a short slice it takes the core sooner when it is woken; its share is the same.
/// </summary>
/// <remarks>
/// Since Linux 6.12 sched_attr::sched_runtime of SCHED_OTHER is a slice of 0.1 to 100 ms (kernel/sched/syscalls.c, __setparam_fair), and
/// one that wakes takes the core of one with a longer slice (kernel/sched/fair.c, PREEMPT_SHORT). Kernels before ignore it.
/// </remarks>
public static class TimeSlice
{
    /// <summary>The shortest that Linux takes, in nanoseconds.</summary>
    public const ulong Shortest = 100_000;

    private const uint Other = 0;

    /// <summary>Sets the calling thread's, if it is an ordinary one (SCHED_OTHER). Its niceness stays.</summary>
    public static unsafe Errno Set(ulong nanoseconds)
    {
        SchedulingAttributes attributes = default;
        if (NativeMethods.SystemCall(SystemCall.SchedGetattr, 0, (long)&attributes, sizeof(SchedulingAttributes), 0, 0, 0) < 0)
        {
            return NativeMethods.LastError;
        }

        if (attributes.Policy != Other)
        {
            return Errno.None;
        }

        attributes.Size = (uint)sizeof(SchedulingAttributes);
        attributes.Runtime = nanoseconds;
        return NativeMethods.SystemCall(SystemCall.SchedSetattr, 0, (long)&attributes, 0, 0, 0, 0) < 0
            ? NativeMethods.LastError : Errno.None;
    }

    // Linux, include/uapi/linux/sched/types.h: struct sched_attr as of its first version.
    [StructLayout(LayoutKind.Sequential)]
    private struct SchedulingAttributes
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong Runtime;
        public ulong Deadline;
        public ulong Period;
    }
}
