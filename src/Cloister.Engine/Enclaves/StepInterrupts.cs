using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>Interrupts after so many instructions inside: a thread goes there instruction by instruction.</summary>
/// <remarks>An iteration of a repeated string instruction counts, as it can be interrupted there. SDM 2B, REP.</remarks>
internal sealed class StepInterrupts(InterruptPlan plan, AsynchronousExits exits, IPlatform platform)
{
    // Until others are looked after.
    private const int MostAtOnce = 256;
    private const byte Pushf = 0x9c, Popf = 0x9d, Iret = 0xcf, Int1 = 0xf1;
    private readonly PerThread<Count> _counts = new();
    private long _threads;

    /// <summary>Whether threads are stepped inside.</summary>
    public bool IsAsked => plan.Every > 0;

    /// <summary>Whether a stop is the end of a step that a thread was told to make, which is nothing of the program's.</summary>
    public static bool IsStep(TracedThread thread, in ProgramEvent happened)
    {
        if (!thread.IsStepping || !thread.Processor.EnclaveMode || happened is not { Kind: EventKind.Signal, Signal: Signal.SIGTRAP })
        {
            return false;
        }

        HideFlag(thread);
        _ = thread.GetSignal(out SignalInformation information);
        return (thread.Peek().Rflags & Registers.TrapFlag) == 0 && (information.Code == SignalInformation.TrapTrace
            || (information.Code == SignalInformation.TrapBreakpoint && (IsOfCall(thread, information) || OpcodeBefore(thread) != Int1)));
    }

    /// <summary>Takes the flag away by which a thread was stepped that has stopped: where it is stepped on behind a POPF, the kernel
    /// takes the flag for the program's own. arch/x86/kernel/step.c, enable_single_step.</summary>
    public static void HideFlag(TracedThread thread)
    {
        if (!thread.IsStepping || !thread.Processor.EnclaveMode || (thread.Peek().Rflags & Registers.TrapFlag) == 0)
        {
            return;
        }

        (ulong rip, _, bool hadFlag) = thread.StepFrom;
        if (!hadFlag && (thread.Peek().Rip == rip || OpcodeBefore(thread) is not (Popf or Iret)))
        {
            thread.Registers.Rflags &= ~Registers.TrapFlag;
        }
    }

    /// <summary>A thread stands at the end of a step: it is interrupted, or goes on.</summary>
    public Answer Stepped(TracedThread thread)
    {
        bool isDue = Note(thread);
        for (int i = 0; i < MostAtOnce && !isDue; i++)
        {
            thread.NoteStep();
            ProgramEvent happened = platform.Step(thread.Held);
            if (!IsStep(thread, happened))
            {
                platform.PutBack(thread.Held, happened);
                return Answer.Stand;
            }

            isDue = Note(thread);
        }

        return isDue ? Interrupt(thread) : Answer.RunOn;
    }

    /// <summary>A step has ended.</summary>
    /// <returns>Whether the thread is to be interrupted now.</returns>
    public bool Note(TracedThread thread)
    {
        _ = thread.GetSignal(out SignalInformation information);
        if (IsOfCall(thread, information))
        {
            return false;
        }

        HideTrapFlag(thread);
        return Executed(thread);
    }

    /// <summary>A thread has executed an instruction inside, or it was executed for it.</summary>
    /// <returns>Whether the thread is to be interrupted now.</returns>
    public bool Executed(TracedThread thread)
    {
        Count count = _counts.Of(thread);
        if (count.Left == 0)
        {
            count.Left = plan.First(_threads++);
        }

        bool isDue = --count.Left == 0;
        count.Left = isDue ? plan.Every : count.Left;
        return isDue;
    }

    /// <summary>Interrupts a thread that stands inside.</summary>
    public Answer Interrupt(TracedThread thread)
    {
        exits.ForInterrupt(thread);
        exits.ResumeInside(thread);
        return Answer.RunOn;
    }

    /// <summary>A thread has ended.</summary>
    public void Forget(TracedThread thread) => _counts.Forget(thread);

    // The end of a call that was made in its name: nothing of the thread's was executed. arch/x86/kernel/ptrace.c, user_single_step_report.
    private static bool IsOfCall(TracedThread thread, in SignalInformation information) =>
        information.Code == SignalInformation.TrapBreakpoint && thread.Peek().Rip == thread.StepFrom.Rip;

    // PUSHF shows the flag by which the thread is stepped, and a POPF would set it. SDM 2B, PUSHF.
    private static void HideTrapFlag(TracedThread thread)
    {
        const int flagsByte = 1;
        const byte flag = 1;
        if (thread.StepFrom.Rsp - thread.Peek().Rsp is not (2 or 8) || OpcodeBefore(thread) != Pushf)
        {
            return;
        }

        Span<byte> flags = stackalloc byte[1];
        if (thread.Space.Memory.TryRead(thread.Peek().Rsp + flagsByte, flags))
        {
            flags[0] &= unchecked((byte)~flag);
            _ = thread.Space.Memory.TryWrite(thread.Peek().Rsp + flagsByte, flags);
        }
    }

    // Of the instruction that was stepped, without its prefixes; 0 where it cannot be read.
    private static byte OpcodeBefore(TracedThread thread)
    {
        const int longest = 15;
        Span<byte> code = stackalloc byte[longest];
        code = code[..thread.Space.ReadCode(thread.StepFrom.Rip, code)];
        int at = code.IndexOfAnyExcept(Prefixes);
        return at < 0 ? (byte)0 : code[at];
    }

    // The size of the operand, and REX. SDM 2A, "Instruction Prefixes".
    private static ReadOnlySpan<byte> Prefixes =>
        [0x66, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f];

    // Instructions until the next interrupt; 0 before the first.
    private sealed class Count
    {
        public long Left { get; set; }
    }
}
