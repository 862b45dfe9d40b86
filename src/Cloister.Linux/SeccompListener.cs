namespace Cloister.Linux;

/// <summary>Hears of the system calls for which a filter answers SECCOMP_RET_USER_NOTIF, in whichever process has the filter, and answers
/// them. May be used by any thread.</summary>
/// <remarks>
/// seccomp_unotify(2). A thread that waits for its answer is killed, or waits; signals wait with it
/// (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).
/// </remarks>
/// <param name="descriptor">Its descriptor.</param>
public sealed unsafe class SeccompListener(int descriptor) : IDisposable
{
    /// <summary>The flags to make one with: a listener, and threads that wait are woken by SIGKILL only. Linux 5.19.</summary>
    public const ulong FilterFlags = (1 << 3) | (1 << 5);

    private const nuint Receive = 0xc0502100, Send = 0xc0182101, AddDescriptor = 0x40182103, SetFlags = 0x40082104;

    /// <summary>Has the kernel run the two sides one after the other where it can. SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6.</summary>
    public void WakeInTurn() => _ = NativeMethods.SystemCall(SystemCall.Ioctl, descriptor, (long)SetFlags, 1, 0, 0, 0);

    /// <summary>Waits for a call.</summary>
    /// <returns>False when nobody has the filter any more.</returns>
    public bool Next(out SeccompCall call)
    {
        const long poll = 7;
        while (true)
        {
            // struct pollfd: the descriptor, POLLIN, and what there is.
            ulong waited = (uint)descriptor | 1UL << 32;
            long ready = NativeMethods.SystemCall(poll, (long)&waited, 1, -1, 0, 0, 0);
            uint there = (uint)(waited >> 48);
            if (ready > 0 && (there & 1) != 0)
            {
                call = default;
                fixed (SeccompCall* p = &call)
                {
                    if (NativeMethods.Ioctl(descriptor, Receive, p) == 0)
                    {
                        return true;
                    }
                }

                // Killed since: ENOENT.
            }
            else if (ready > 0)
            {
                call = default;
                return false;
            }
        }
    }

    /// <summary>The call is made.</summary>
    public Errno Pass(in SeccompCall call)
    {
        const ulong goOn = 1UL << 32; // SECCOMP_USER_NOTIF_FLAG_CONTINUE, behind the error
        return Answer(call.Id, 0, goOn);
    }

    /// <summary>The call is not made, and has a result.</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">A result, or minus an errno.</param>
    public Errno SetResult(in SeccompCall call, long result) => result is < 0 and >= -4095 ? Answer(call.Id, 0, (uint)(int)result)
        : Answer(call.Id, result, 0);

    /// <summary>The call is not made, and its result is a new descriptor of its thread's.</summary>
    /// <param name="call">The call.</param>
    /// <param name="file">What it leads to.</param>
    /// <param name="closeOnExec">Whether exec closes it.</param>
    public Errno SetDescriptor(in SeccompCall call, int file, bool closeOnExec)
    {
        const uint send = 2;
        ulong* add = stackalloc ulong[3] { call.Id, send | (ulong)(uint)file << 32, closeOnExec ? 0x80000UL << 32 : 0 };
        return NativeMethods.Ioctl(descriptor, AddDescriptor, add) < 0 ? NativeMethods.LastError : Errno.None;
    }

    /// <inheritdoc/>
    public void Dispose() => HostKernel.Close(descriptor);

    private Errno Answer(ulong id, long value, ulong errorAndFlags)
    {
        ulong* answer = stackalloc ulong[3] { id, unchecked((ulong)value), errorAndFlags };
        return NativeMethods.Ioctl(descriptor, Send, answer) < 0 ? NativeMethods.LastError : Errno.None;
    }
}
