using Cloister.Architecture;
using Cloister.Engine.Options;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Platforms;

/// <summary>One way to hold a program: its threads run by themselves, stand when something happens, and run on when
/// they are answered. Knows no SGX.</summary>
/// <remarks>One thread calls all of it. That a thread was killed meanwhile is a <see cref="ThreadEndedException"/>
/// where there is no other answer; its end comes as an event.</remarks>
internal interface IPlatform : IDisposable
{
    /// <summary>Whether something that was put back waits to be answered.</summary>
    bool AnyParked { get; }

    /// <summary>Threads whose events nobody takes for now, once they were put back; null for none.</summary>
    Predicate<int>? StaysParked { get; set; }

    /// <summary>Begins a program: it is about to execute it, which comes as an event.</summary>
    /// <param name="program">The program.</param>
    /// <param name="filter">The seccomp filter of what stops.</param>
    /// <param name="waiting">The process that is to become it; null for a new one.</param>
    /// <param name="process">Makes its process of its id.</param>
    IHeldThread Begin(ProgramInvocation program, byte[] filter, IStartingProgram? waiting, Func<int, HeldProcess> process);

    /// <summary>A thread of an id that the kernel lets this platform hold.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="process">Its process.</param>
    IHeldThread Hold(int id, HeldProcess process);

    /// <summary>A thread has ended, or its id is another's now.</summary>
    void Release(IHeldThread thread);

    /// <summary>Takes what was put back first.</summary>
    bool TryTakeParked(out ProgramEvent happened);

    /// <summary>Takes back what happened to a thread, and was put back.</summary>
    bool TryTakeParked(IHeldThread thread, out ProgramEvent happened);

    /// <summary>Takes what happened next.</summary>
    /// <param name="wait">Whether to wait for it.</param>
    /// <param name="happened">What.</param>
    /// <returns>1, or 0 when nothing has happened, or -1 when there is nobody any more.</returns>
    int TryNext(bool wait, out ProgramEvent happened);

    /// <summary>Whoever waits for what happens waits no longer: nothing has happened. The program does not notice. May be called by any
    /// thread, and again until it was heard: a wait that only begins does not hear it.</summary>
    void Wake();

    /// <summary>Takes all that has happened, for later.</summary>
    void TakeAll();

    /// <summary>Something that happened is to be answered later.</summary>
    void Park(in ProgramEvent happened);

    /// <summary>The same of a thread that stands for it.</summary>
    void PutBack(IHeldThread thread, in ProgramEvent happened);

    /// <summary>Whether something was put back that happened to a thread.</summary>
    bool IsParked(int thread);

    /// <summary>What was put back for an id is another's.</summary>
    void ForgetParked(int thread);

    /// <summary>An event is about to be answered: its thread stands there.</summary>
    void NoteStop(IHeldThread thread, in ProgramEvent happened);

    /// <summary>Whether a thread that an event lets stand has something to tell first, and goes on to that: it may have been raised by the
    /// registers that it has now, which whoever answers the event may change.</summary>
    bool GoesOn(IHeldThread thread, in ProgramEvent happened);

    /// <summary>The id that an event tells: of a child that was made, or what the id was of a thread that executed a program.</summary>
    /// <returns>False when the thread was killed since.</returns>
    bool TryGetTold(int thread, out int id);

    /// <summary>A thread has made a child, which is known from now on.</summary>
    void NoteChild(IHeldThread parent, int child);

    /// <summary>A thread has made a child; after vfork it does not stop, and runs nothing, until the child execs or ends.</summary>
    void NoteVfork(IHeldThread parent, bool isVfork);

    /// <summary>What a thread's signal is about, at an event that tells of one.</summary>
    SignalCause CauseOf(IHeldThread thread, in ProgramEvent happened);

    /// <summary>The exception that stopped a thread: what the platform knows of it, or can tell from its signal.</summary>
    ExceptionVector VectorOf(IHeldThread thread, in SignalInformation information);

    /// <summary>What the instruction at which a thread stands was about to do where it faulted: what the platform
    /// knows of it, or can tell from the instruction.</summary>
    AccessKind AccessOf(IHeldThread thread, ReadOnlySpan<byte> code, ulong address);

    /// <summary>The signal that was to come once more, and has come.</summary>
    ProgramSignal TakeRaised(IHeldThread thread);

    /// <summary>An exception stopped a thread, of which the program is to see no trace.</summary>
    void NoteException(IHeldThread thread, int signal);

    /// <summary>A signal that was sent is about to be answered: those of its number keep their order.</summary>
    void KeepOrder(IHeldThread thread);

    /// <summary>A system call that changes a thread's signal mask has been made.</summary>
    void NoteMask(IHeldThread thread);

    /// <summary>Whether other threads of its process must stand while a thread gets a signal, or it may be lost.</summary>
    bool MayLoseHandler(IHeldThread thread, int signal);

    /// <summary>Before a signal is raised: what the thread's stops have changed of the program's signals is as it
    /// was, and the signal can come.</summary>
    void PrepareRaise(IHeldThread thread, int signal);

    /// <summary>Gives a signal with the numbers of its exception.</summary>
    Delivery Raise(IHeldThread thread, in ProgramSignal signal);

    /// <summary>Before a thread runs on: what its stops have changed of the program's signals is as it was.</summary>
    void BeginResume(IHeldThread thread, int signal);

    /// <summary>Everything else that was to be done in a thread is done.</summary>
    /// <returns>The signal that it gets now: 0 where it comes later.</returns>
    int EndResume(IHeldThread thread, int signal);

    /// <summary>What was taken off while nobody could get it comes once more.</summary>
    void SendDeferred(IHeldThread thread);

    /// <summary>Whether a thread's process has a handler of a signal now.</summary>
    bool HasHandler(IHeldThread thread, int signal);

    /// <summary>Lets a thread go to the first instruction of a signal's handler.</summary>
    /// <returns>False when something else stopped it, which is answered later.</returns>
    bool StepIntoHandler(IHeldThread thread, int signal);

    /// <summary>The thread runs on soon: what was changed of it is written.</summary>
    void WriteBack(IHeldThread thread);

    /// <summary>The thread runs.</summary>
    void Run(IHeldThread thread, int signal);

    /// <summary>The thread executes one instruction, or goes to a handler, and stands at a SIGTRAP unless something comes first.</summary>
    void RunStep(IHeldThread thread, int signal);

    /// <summary>Does something at the end of the system call that a thread makes now.</summary>
    void AtCallEnd(IHeldThread thread, Action then);

    /// <summary>What is to be done at the end of a thread's system call, once.</summary>
    Action? TakeCallEnd(IHeldThread thread);

    /// <summary>A system call is not made, and has a result.</summary>
    void SetResult(IHeldThread thread, long result);

    /// <summary>A thread of a process that is stopped stays stopped, until it is told to go on.</summary>
    /// <returns>False when it runs on all the same.</returns>
    bool StandStopped(IHeldThread thread, in ProgramEvent happened);

    /// <summary>Tells a thread to stop that will be waited for.</summary>
    void Interrupt(IHeldThread thread);

    /// <summary>Makes a running thread stand.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="mayWait">Whether it will do where the thread waits in the kernel, and stops on its way back.</param>
    /// <param name="happened">What it met.</param>
    HaltResult Halt(IHeldThread thread, bool mayWait, out ProgramEvent happened);

    /// <summary>Lets a thread execute one instruction.</summary>
    /// <returns>What happened: a signal SIGTRAP when nothing else did.</returns>
    ProgramEvent Step(IHeldThread thread);

    /// <summary>Gives a thread the breakpoints of its memory.</summary>
    /// <returns>False when there are none to be had.</returns>
    bool WriteBreakpoints(IHeldThread thread);

    /// <summary>Whether a thread was killed: nothing more can be done to it.</summary>
    bool IsGone(IHeldThread thread);

    /// <summary>An enclave was initialized: no thread of the process makes system calls from a range while it is inside.</summary>
    void RefuseCalls(IHeldThread thread, ulong start, ulong size);

    /// <summary>Where a thread makes no system calls: a byte that says so when it is not 0.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="flag">The byte's address, asked for before the thread runs on; 0 for none, ulong.MaxValue for never a call.</param>
    void RefuseCallsBy(IHeldThread thread, Func<ulong> flag);

    /// <summary>Maps Cloister's own pages in a program that has just begun: calls can be made in its threads from then on.</summary>
    /// <param name="thread">Its thread.</param>
    /// <param name="call">The system call that failed, where one did.</param>
    Errno MapArea(IHeldThread thread, out string call);

    /// <summary>A thread has executed a program.</summary>
    void NoteImage(IHeldThread thread);

    /// <summary>A child begins with its maker's signal mask.</summary>
    void CopyMask(IHeldThread parent, IHeldThread child);

    /// <summary>A thread that is new runs, or is about to stop for the first time.</summary>
    void NoteRuns(IHeldThread thread);

    /// <summary>The program asks for a thread's affinity, or changes it.</summary>
    void ReleaseAffinity(int thread);

    /// <summary>For threads of this process: they run where it could run before the platform chose its core.</summary>
    void UseAllCores();
}
