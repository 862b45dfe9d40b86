using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>The program that was asked for, as others see it: signals that are for it, and its end. What it started
/// may outlive it.</summary>
/// <param name="endsAll">Whether nothing of that is to outlive it.</param>
/// <remarks><see cref="Signal"/> and <see cref="Relay"/> may be called by any thread, all else by the tracer's.</remarks>
internal sealed class RootProcess(bool endsAll = false)
{
    private readonly OutsideSignals _outside = new();
    private int _id;
    private long _steps;
    private ulong _relayed; // signals that were passed on to the program; bit n-1 is signal n
    private ProgramEvent _end;

    /// <summary>Its process; 0 when it has not begun or has ended.</summary>
    public int Id => Volatile.Read(ref _id);

    /// <summary>When its end became everybody's, in ticks of a millisecond: where that is asked for, and where a signal that was
    /// sent to Cloister ended it. Null before, and else.</summary>
    public long? EndedForAllAt { get; private set; }

    /// <summary>How it ended.</summary>
    public ProgramEnd End => new(_end.ExitStatus, _end.EndedBy);

    /// <summary>It begins.</summary>
    public void Begin(int process) => Volatile.Write(ref _id, process);

    /// <summary>The tracer gets on.</summary>
    public void NoteStep() => Volatile.Write(ref _steps, _steps + 1);

    /// <summary>A thread stands at a signal.</summary>
    public void NoteSignal(TracedThread thread, int signal)
    {
        if (thread.Process.Id == _id)
        {
            _outside.Note(thread, signal);
        }
    }

    /// <summary>A signal was sent to it that was sent to others of its group as well. May be called by any thread.</summary>
    public void NoteOutside(int signal) => _outside.Note(signal);

    /// <summary>A process has ended.</summary>
    public void NoteEnd(in ProgramEvent end)
    {
        if (end.Thread != _id)
        {
            return;
        }

        _end = end;
        Volatile.Write(ref _id, 0);
        if (endsAll || (end.EndedBy is { } signal && (Interlocked.Read(ref _relayed) & 1UL << (signal - 1)) != 0))
        {
            EndedForAllAt = Environment.TickCount64;
        }
    }

    /// <summary>Sends it a signal.</summary>
    /// <returns>False when it has not begun or has ended: what it started may still run.</returns>
    public bool Signal(int signal)
    {
        int process = Id;

        // A process that has ended and was not waited for yet still takes signals.
        return process != 0 && HostKernel.IsAlive(process) && HostKernel.Kill(process, signal) == Errno.None;
    }

    /// <summary>Passes on a signal that was sent to this process, unless it was sent to the program as well.</summary>
    /// <returns>False when the program did not get it: it has not begun or has ended.</returns>
    public bool Relay(int signal)
    {
        int process = Id;
        if (_outside.HasProgramGot(process, signal))
        {
            return true;
        }

        _ = Interlocked.Or(ref _relayed, 1UL << (signal - 1));
        return Signal(signal) && !IsStuckBefore(process, signal);
    }

    // A tracer that does not get on must not keep a program that the signal would end.
    private bool IsStuckBefore(int process, int signal)
    {
        const int looks = 40, milliseconds = 20;
        long steps = Volatile.Read(ref _steps);
        for (int i = 0; i < looks; i++)
        {
            if (Volatile.Read(ref _steps) != steps || !OutsideSignals.WillEnd(process, signal))
            {
                return false;
            }

            Thread.Sleep(milliseconds);
        }

        return true;
    }
}
