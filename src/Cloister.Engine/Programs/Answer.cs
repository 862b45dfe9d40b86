using System.Diagnostics;
using Cloister.Engine.Platforms;

namespace Cloister.Engine.Programs;

/// <summary>What a handler decides about a thread that stands; made by these members and nothing else. The loop does it, and nobody else
/// lets a thread run on.</summary>
internal readonly record struct Answer
{
    private enum Kind
    {
        RunOn,
        Made,
        Deliver,
        Raise,
        Stand,
    }

    private readonly Kind _kind;

    private Answer(Kind kind) => _kind = kind;

    /// <summary>It runs on with its registers as they are now.</summary>
    public static Answer RunOn => new(Kind.RunOn);

    /// <summary>It makes the system call at which it stands.</summary>
    public static Answer Pass => new(Kind.RunOn);

    /// <summary>It stands until somebody answers for it later: an ioctl in slices, a stop that has been put back, a
    /// thread that ends.</summary>
    public static Answer Stand => new(Kind.Stand);

    /// <summary>What is to be done when the system call that it makes has ended, before it is back in its program;
    /// null for nothing.</summary>
    public Action<TracedThread>? Then { get; private init; }

    /// <summary>The result of a call that is not made.</summary>
    public long Result { get; private init; }

    /// <summary>The signal at which it stands and that it gets; 0 for none.</summary>
    public int Signal { get; private init; }

    /// <summary>The signal that it gets for an exception.</summary>
    public ProgramSignal Exception { get; private init; }

    /// <summary>A debugger, if there is one, was asked about the signal already.</summary>
    public bool IsAgreed { get; init; }

    /// <summary>Whether the system call is not made, and has <see cref="Result"/>.</summary>
    public bool IsMade => _kind == Kind.Made;

    /// <summary>Whether the thread runs on, maybe with a <see cref="Signal"/>.</summary>
    public bool RunsOn => _kind is Kind.RunOn or Kind.Deliver;

    /// <summary>Whether it gets an <see cref="Exception"/>.</summary>
    public bool Raises => _kind == Kind.Raise;

    /// <summary>The system call is not made: RAX says this, a result or minus an errno.</summary>
    public static Answer Made(long result) => new(Kind.Made) { Result = result };

    /// <summary>It makes the system call at which it stands, and something is done when that has ended.</summary>
    public static Answer PassThen(Action<TracedThread> then) => new(Kind.RunOn) { Then = then };

    /// <summary>It gets the signal at which it stands.</summary>
    public static Answer Deliver(int signal)
    {
        Debug.Assert(signal != 0, "a signal that is none");
        return new Answer(Kind.Deliver) { Signal = signal };
    }

    /// <summary>It gets a signal with the numbers of its exception.</summary>
    public static Answer Raise(in ProgramSignal signal) => new(Kind.Raise) { Exception = signal };
}
