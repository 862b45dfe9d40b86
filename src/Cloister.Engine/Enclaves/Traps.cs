using Cloister.Architecture;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>Traps and the exceptions of instructions that compute: breakpoints, single steps, divisions, alignment.</summary>
internal sealed class Traps(SignalDelivery signals, AsynchronousExits exits, IllegalCode illegal)
{
    // Also of a thread that was driven out since: it comes again after ERESUME. The instruction is executed if the thread runs on with RF.
    // SDM 3B, "Instruction-Breakpoint Exception Condition".
    private Answer Breakpoint(TracedThread thread)
    {
        ulong rip = thread.Peek().Rip;
        if (IllegalCode.At(thread.Space, rip) is not { } site)
        {
            IllegalCode.Stale(thread.Space, rip);
            return Answer.RunOn;
        }

        thread.Registers.Rflags &= ~Registers.ResumeFlag;
        illegal.Executed(thread, site);
        if (thread.Processor.EnclaveMode)
        {
            return exits.Raise(thread, ExceptionVector.InvalidOpcode, 0, default);
        }
        else
        {
            return signals.Raise(thread, ExceptionVector.InvalidOpcode, 0, default, unmapped: false);
        }
    }

    /// <summary>What is to become of a thread that stands at such a signal.</summary>
    public Answer Handle(TracedThread thread, ExceptionVector vector, in SignalInformation information)
    {
        if (information is { Signal: Linux.Signal.SIGTRAP, Code: SignalInformation.TrapHardwareBreakpoint })
        {
            return Breakpoint(thread);
        }

        if (!thread.Processor.EnclaveMode)
        {
            return Answer.Deliver(information.Signal);
        }

        if (vector == ExceptionVector.Breakpoint)
        {
            // CD 03 is INT n, which is illegal; CC after an opt-out entry is #UD. Both are faults. SDM 3D, "INT3 Behavior".
            bool isTwoBytes = thread.Space.Held.IsBehindTwoByteBreakpoint(thread.Peek().Rip);
            if (isTwoBytes || !thread.Processor.DebugOptIn)
            {
                thread.Registers.Rip -= isTwoBytes ? 2UL : 1UL;
                vector = ExceptionVector.InvalidOpcode;
            }
        }

        exits.Exit(thread, vector, 0, default);
        return signals.Raise(thread, vector, 0, default, unmapped: false, information);
    }
}
