using System.Buffers.Binary;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>System calls made in a stopped thread of the traced program, as if it had made them, with all it shows given back.</summary>
internal sealed class RemoteCalls
{
    private readonly List<RemoteCall> _calls = [];
    private byte[] _data = [];

    /// <summary>Adds a call; missing arguments are 0.</summary>
    public RemoteCalls Add(long number, params ulong[] arguments)
    {
        _calls.Add(new RemoteCall(number, arguments));
        return this;
    }

    /// <summary>Bytes the calls may point to; they will lie at <see cref="DataAddress"/>.</summary>
    public RemoteCalls WithData(ReadOnlySpan<byte> data)
    {
        _data = data.ToArray();
        return this;
    }

    /// <summary>Where <see cref="WithData"/> puts its bytes.</summary>
    public const ulong DataAddress = Area.Table + Area.DataOffset;

    /// <summary>How many calls were added.</summary>
    public int Count => _calls.Count;

    /// <summary>Makes the calls and returns their results (a result or minus an errno). The thread's address space must have the area.</summary>
    public long[] Run(TracedThread thread)
    {
        MappedFile table = thread.Space.Table ?? throw new InvalidOperationException("no area in this address space");
        Span<byte> entries = table.Slice(Offset(Area.Table), Area.TableLength);
        long[] results = new long[_calls.Count];
        _data.CopyTo(entries[Area.DataOffset..]);
        const int most = Area.DataOffset / Gadget.EntryLength;
        for (int first = 0; first < _calls.Count; first += most)
        {
            int count = Math.Min(most, _calls.Count - first);
            for (int i = 0; i < count; i++)
            {
                Span<byte> entry = entries.Slice(i * Gadget.EntryLength, Gadget.EntryLength);
                entry.Clear();
                (long number, ulong[] arguments) = _calls[first + i];
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

    /// <summary>The bytes at <see cref="DataAddress"/>, which calls may have written.</summary>
    public static ReadOnlySpan<byte> Data(TracedThread thread, int length) => thread.Space.Table!.Slice(Offset(DataAddress), length);

    /// <summary>Offset of an address of the area in its file.</summary>
    public static long Offset(ulong address) => (long)(address - Area.Base);

    private static void RunGadget(TracedThread thread, int count)
    {
        UserRegisters saved = thread.Peek();
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
        Check(thread, Ptrace.Continue(thread.Id, stopsBy));
        bool isStopped = WaitForEnd(thread);
        Check(thread, Ptrace.SetSignalMask(thread.Id, mask));
        StopSignals.StopAgain(thread, isStopped);

        // At the stop of the last call: it is not made, and what was interrupted goes on.
        if (!thread.AtSystemCall && saved.OrigRax != ulong.MaxValue && CallRestart.IsAsked((long)saved.Rax))
        {
            (ulong number, long result) = (saved.OrigRax, (long)saved.Rax);
            thread.AtSystemCallExit = t => CallRestart.Leave(t, number, result);
        }

        if (!thread.AtSystemCall)
        {
            saved.OrigRax = ulong.MaxValue;
        }

        // A thread that stood at the entry of a system call stands there again, and makes it when it runs on: the kernel reads the number anew. seccomp(2).
        thread.Restore(in saved);
        thread.SignalAtStop = 0;
        thread.StopIsSpent = true;
    }

    // True when its process is stopped by a signal.
    private static bool WaitForEnd(TracedThread thread)
    {
        bool isStopped = false;
        while (true)
        {
            int waited = thread.Wait(out WaitStatus status);
            if (waited < 0 || !status.Stopped || status.Event == PtraceEvent.Exec)
            {
                // Exec: another thread's, which has this one's id now.
                throw new ThreadEndedException(thread.Id, waited < 0 ? null : status);
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
    private static bool IsEnd(TracedThread thread)
    {
        if (!thread.Process.HasFilters)
        {
            return true;
        }

        Check(thread, Ptrace.GetRegisters(thread.Id, out UserRegisters now));
        return now.OrigRax == Gadget.EndOfBatch;
    }

    private static void Check(TracedThread thread, Errno error)
    {
        if (error != Errno.None)
        {
            // Killed: the end itself is reported by wait.
            throw new ThreadEndedException(thread.Id);
        }
    }

    private sealed record RemoteCall(long Number, ulong[] Arguments);
}
