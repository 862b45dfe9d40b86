using System.Buffers.Binary;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Makes system calls in a traced thread that stands: it executes the gadget, which makes those that a table has.</summary>
internal static class GadgetCalls
{
    /// <summary>Makes the calls in a thread that stands.</summary>
    public static long[] Make(PtraceThread thread, RemoteCalls calls)
    {
        MappedFile table = thread.Process.Memory.Table ?? throw new InvalidOperationException("no area in this address space");
        Span<byte> entries = table.Slice(RemoteCalls.Offset(Area.Table), Area.TableLength);
        long[] results = new long[calls.All.Count];
        calls.DataBytes.CopyTo(entries[Area.DataOffset..]);
        const int most = Area.DataOffset / Gadget.EntryLength;
        for (int first = 0; first < calls.All.Count; first += most)
        {
            int count = Math.Min(most, calls.All.Count - first);
            for (int i = 0; i < count; i++)
            {
                Span<byte> entry = entries.Slice(i * Gadget.EntryLength, Gadget.EntryLength);
                entry.Clear();
                (long number, ulong[] arguments) = calls.All[first + i];
                BinaryPrimitives.WriteInt64LittleEndian(entry, number);
                for (int j = 0; j < arguments.Length; j++)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(entry[(8 + j * 8)..], arguments[j]);
                }
            }

            RunGadget(thread, count);
            for (int i = 0; i < count; i++)
            {
                results[first + i] = BinaryPrimitives.ReadInt64LittleEndian(entries[(i * Gadget.EntryLength + 56)..]);
            }
        }

        return results;
    }

    private static void RunGadget(PtraceThread thread, int count)
    {
        UserRegisters saved = thread.Peek();
        if (thread.IsMakingChild)
        {
            // The kernel gives the result as the thread goes on, which is in the gadget.
            thread.IsMakingChild = false;
            saved.Rax = Ptrace.GetEventMessage(thread.Id, out ulong child) == Errno.None
                ? (ulong)HostKernel.IdAsSeenBy((int)child, thread.Id) : saved.Rax;
        }

        Check(thread, Ptrace.GetSignalMask(thread.Id, out ulong mask));
        int stopsBy = thread.SignalAtStop == thread.StopsBy ? thread.StopsBy : 0;
        thread.StopsBy -= stopsBy;
        Check(thread, Ptrace.SetSignalMask(thread.Id, stopsBy == 0 ? ulong.MaxValue : ~(1UL << (stopsBy - 1))));
        UserRegisters at = saved;
        at.Rip = Area.Gadget;
        at.Rbx = Area.Table;
        at.Rbp = (ulong)count;
        at.OrigRax = ulong.MaxValue;
        at.Rax = 0;
        at.Rflags &= ~0x500UL; // no single step, upward strings
        Check(thread, Ptrace.SetRegisters(thread.Id, in at));
        Span<ulong> dispatch = stackalloc ulong[Ptrace.DispatchLength];
        bool dispatches = CallsInside.Suspend(thread, dispatch);
        Check(thread, Ptrace.Continue(thread.Id, stopsBy));
        bool isStopped = WaitForEnd(thread);
        if (dispatches)
        {
            Check(thread, Ptrace.SetDispatch(thread.Id, dispatch));
        }

        Check(thread, Ptrace.SetSignalMask(thread.Id, mask));
        StopSignals.StopAgain(thread, isStopped);

        // At the stop of the last call: it is not made, and what was interrupted goes on.
        if (!thread.AtSystemCall && saved.OrigRax != ulong.MaxValue && CallRestart.IsAsked((long)saved.Rax))
        {
            (ulong number, long result) = (saved.OrigRax, (long)saved.Rax);
            thread.AtSystemCallExit = () => CallRestart.Leave(thread, number, result);
        }

        if (!thread.AtSystemCall)
        {
            saved.OrigRax = ulong.MaxValue;
        }

        // A thread that stood at the entry of a system call stands there again, and makes it when it runs on: the
        // kernel reads the number anew. seccomp(2).
        thread.Restore(in saved);
        thread.SignalAtStop = 0;
        thread.StopIsSpent = true;
    }

    // True when its process is stopped by a signal.
    private static bool WaitForEnd(PtraceThread thread)
    {
        bool isStopped = false;
        while (true)
        {
            int waited = thread.Wait(out WaitStatus status);
            if (waited < 0 || !status.Stopped || status.Event == PtraceEvent.Exec)
            {
                // Exec: another thread's, which has this one's id now.
                throw new ThreadEndedException(thread.Id, waited < 0 ? null : TracedEvent.Of(waited, status));
            }

            if (status.Event == PtraceEvent.Seccomp && IsEnd(thread))
            {
                return isStopped;
            }

            // A fault: the program has taken Cloister's pages away, and cannot go on.
            if (status.Event == PtraceEvent.None && status.StopSignal != Signal.SIGTRAP && !StopSignals.MayStop(status.StopSignal))
            {
                _ = HostKernel.Kill(thread.Process.Id, Signal.SIGKILL);
                throw new ThreadEndedException(thread.Id);
            }

            isStopped = StopSignals.NoteStop(status, isStopped, out int signal);
            Check(thread, Ptrace.Continue(thread.Id, signal));
        }
    }

    // With filters of the program's own each call stops, and is made.
    private static bool IsEnd(PtraceThread thread)
    {
        if (!thread.Process.HasFilters)
        {
            return true;
        }

        Check(thread, Ptrace.GetRegisters(thread.Id, out UserRegisters now));
        return now.OrigRax == Gadget.EndOfBatch;
    }

    private static void Check(PtraceThread thread, Errno error)
    {
        if (error != Errno.None)
        {
            // Killed: the end itself is reported by wait.
            throw new ThreadEndedException(thread.Id);
        }
    }
}
