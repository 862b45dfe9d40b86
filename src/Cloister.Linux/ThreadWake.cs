using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>
/// Gets a thread of this process out of a wait in the kernel, by a signal of which nothing else comes. Nothing is prepared for it before it
/// is needed.
/// </summary>
public static unsafe class ThreadWake
{
    // struct sigaction of libc: handler 0, mask 8, flags 136, restorer 144. Source: glibc and musl, bits/sigaction.h.
    private const int ActionSize = 152;

    // One that is ignored where nobody handles it. Where this process was started with it blocked, the last of real time: glibc and the
    // runtime use the first ones.
    private static readonly int[] s_signals = [Signal.SIGURG, 62, 61];

    private static readonly Lazy<nint> s_handler = new(FindHandler);
    private static readonly Lock s_lock = new();
    private static ulong s_handled;

    /// <summary>Sends it. A wait that is just about to begin does not hear it: whoever has to be sure sends it again.</summary>
    /// <returns>False when the thread is gone, or blocks all of these signals.</returns>
    public static bool Send(int thread)
    {
        ulong blocked = ProcText.Hexadecimal(ProcText.Field(HostFile.TryRead(ProcPath.Of(thread, "status")), "SigBlk:"u8))
            ?? ulong.MaxValue;
        int signal = Array.Find(s_signals, one => (blocked & 1UL << (one - 1)) == 0);
        return signal != 0 && Handle(signal) && HostKernel.KillThread(Environment.ProcessId, thread, signal) == Errno.None;
    }

    // Without SA_RESTART: the call ends with EINTR. signal(7).
    private static bool Handle(int signal)
    {
        lock (s_lock)
        {
            if ((s_handled & 1UL << (signal - 1)) == 0 && s_handler.Value != 0)
            {
                byte* action = stackalloc byte[ActionSize];
                new Span<byte>(action, ActionSize).Clear();
                *(nint*)action = s_handler.Value;
                s_handled |= NativeMethods.SignalAction(signal, action, null) == 0 ? 1UL << (signal - 1) : 0;
            }

            return (s_handled & 1UL << (signal - 1)) != 0;
        }
    }

    // A handler that does nothing, and no code of the runtime's, which might be anywhere: a function of the C library that takes a number.
    private static nint FindHandler() => NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "abs", out nint function)
        ? function : 0;
}
