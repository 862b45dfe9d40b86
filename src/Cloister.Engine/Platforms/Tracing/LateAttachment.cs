using System.Collections.Concurrent;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Programs that run before they are traced: a seccomp filter asks a listener of what concerns SGX, and a thread is seized while
/// it waits for the answer.</summary>
/// <remarks>What a filter asks a listener of it does not tell a tracer (SECCOMP_RET_USER_NOTIF goes before SECCOMP_RET_TRACE.
/// seccomp(2)), so a thread that is traced by now is brought to a stop at its call here, where the tracer finds it as at every
/// other.</remarks>
internal sealed class LateAttachment(Waits waits)
{
    // The kernel's own: a call that ends so, with a stop to come, is made again, or whatever the stop makes of it. include/linux/errno.h.
    private const long RestartNoInterrupt = -513;

    private readonly ConcurrentDictionary<int, HeldProcess> _held = new();
    private readonly ConcurrentDictionary<int, bool> _passes = new();

    /// <summary>Whether a thread is traced. May be called by any thread.</summary>
    public bool IsHeld(int thread) => _held.ContainsKey(thread);

    /// <summary>Whether each call of a thread is for the tracer: filters of its own, or strict mode, may forbid it. May be called by any
    /// thread.</summary>
    public bool StopsAlways(int thread) => _held.TryGetValue(thread, out HeldProcess? process) && process.HasFilters;

    /// <summary>A thread is traced.</summary>
    public void Note(int thread, HeldProcess process) => _held[thread] = process;

    /// <summary>It is not any more.</summary>
    public void Forget(int thread)
    {
        _ = _held.TryRemove(thread, out _);
        _ = _passes.TryRemove(thread, out _);
    }

    /// <summary>The next call of which a thread's filter asks is made.</summary>
    public void Pass(int thread) => _passes[thread] = true;

    /// <summary>Whether that is so; once. May be called by any thread.</summary>
    public bool TakePass(int thread) => _passes.TryRemove(thread, out _);

    /// <summary>Begins a program with a filter that asks.</summary>
    /// <param name="program">The program.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="starting">What is to become it.</param>
    /// <param name="stays">Whether it stays traced.</param>
    /// <param name="make">Makes the thread that will execute it.</param>
    /// <param name="asks">Is given the listener, before the program is executed; it must be listened to.</param>
    /// <returns>Its thread, where it stays traced: it is about to tell of its image. Null where it runs by itself now.</returns>
    /// <exception cref="LinuxException">There can be none.</exception>
    public PtraceThread? Begin(ProgramInvocation program, byte[] filter, IStartingProgram starting, bool stays,
        Func<int, PtraceThread> make, Action<SeccompListener> asks)
    {
        PtraceThread thread = ProgramStart.Start(program, waits, starting, make, begun =>
        {
            ulong address = (begun.Peek().Rsp - 8192) & ~15UL;
            long listener = BareFilter.Install(begun, filter, SeccompListener.FilterFlags, address,
                (call, with) => Bootstrap.Call(begun, call, with));
            int taken = listener < 0 ? (int)listener : ForeignDescriptor.Copy(begun.Id, (int)listener);
            if (taken < 0)
            {
                throw new LinuxException(listener < 0 ? "seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER)" : "pidfd_getfd", (Errno)(-taken));
            }

            _ = Bootstrap.Call(begun, SystemCall.Close, (ulong)listener);
            Pass(begun.Id);
            asks(new SeccompListener(taken));
        });
        if (stays)
        {
            return thread;
        }

        if (waits.TryTake(thread, out ProgramEvent began) && began.Kind != EventKind.ImageBegan)
        {
            waits.PutBack(thread, began);
        }

        Forget(thread.Id);
        thread.Stopped = false;
        _ = Ptrace.Detach(thread.Id, 0);
        while (thread.Deferred.TryDequeue(out (int Signal, SignalInformation Information) deferred))
        {
            _ = HostKernel.Kill(thread.Id, deferred.Signal);
        }

        return null;
    }

    /// <summary>Makes a thread stand behind a call for whose answer it waits: the call was not made.</summary>
    /// <returns>False when it met something else, which is told later, or is gone.</returns>
    public bool Stand(PtraceThread thread, in SeccompCall call, SeccompListener listener)
    {
        if (Halting.Interrupt(thread) != Errno.None || listener.SetResult(call, RestartNoInterrupt) != Errno.None)
        {
            return false;
        }

        int waited = thread.Wait(out WaitStatus status);
        if (waited < 0)
        {
            return false;
        }

        thread.Stopped = status.Stopped;
        if (status is not { Stopped: true, Event: PtraceEvent.Stop, StopSignal: Signal.SIGTRAP }
            || (long)thread.Peek().Rax != RestartNoInterrupt || (long)thread.Peek().OrigRax != call.Number)
        {
            // It makes its call once more, and asks again.
            waits.PutBack(thread, TracedEvent.Of(waited, status));
            return false;
        }

        thread.Process.Memory.Bytes.Thread = thread.Id;
        return true;
    }

    /// <summary>A thread that stands behind its call stands as before it, and is answered as everybody who stands there.</summary>
    /// <param name="thread">The thread; Cloister's pages are in its memory.</param>
    /// <param name="registers">Its registers where it stood.</param>
    public void StandAtCall(PtraceThread thread, in UserRegisters registers)
    {
        const long notMadeYet = -(long)Errno.ENOSYS;
        UserRegisters at = registers;
        at.Rax = unchecked((ulong)notMadeYet);
        thread.Restore(in at);
        thread.AtSystemCall = true;
        _ = new RemoteCalls().Add(SystemCall.Getpid).Run(thread);
        thread.AsksFor = (long)at.OrigRax;
        waits.PutBack(thread, TracedEvent.Of(thread.Id, new WaitStatus((int)PtraceEvent.Seccomp << 16 | Signal.SIGTRAP << 8 | 0x7f)));
    }

    /// <summary>A thread is about to run: what it was asked for is made, if it makes it after all.</summary>
    public void NoteRun(PtraceThread thread)
    {
        if (thread.AsksFor is { } number && (long)thread.Peek().OrigRax == number)
        {
            Pass(thread.Id);
        }

        thread.AsksFor = null;
    }
}
