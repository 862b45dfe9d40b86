using Cloister.Architecture;
using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>Signals at which a thread stops: exceptions of enclave and host, ENCLU and CPUID among them, and signals
/// sent to the program.</summary>
internal sealed class Exceptions(
    IPlatform platform, SignalDelivery signals, AsynchronousExits exits, InvalidOpcodes opcodes, MemoryFaults memory, Traps traps,
    IllegalCode illegal, StepInterrupts steps, StrictView strict)
{
    /// <summary>What is to become of a thread that stands before the delivery of a signal.</summary>
    public Answer Signal(TracedThread thread, in ProgramEvent happened)
    {
        int signal = happened.Signal;
        SignalCause cause = platform.CauseOf(thread.Held, happened);
        StepInterrupts.HideFlag(thread);
        if (cause != SignalCause.Raised && StepInterrupts.IsStep(thread, happened))
        {
            platform.NoteException(thread.Held, signal);
            return steps.Stepped(thread);
        }

        switch (cause)
        {
            case SignalCause.Raised:
                return signals.DeliverRaised(thread, platform.TakeRaised(thread.Held));
            case SignalCause.CallInside when thread.Processor.EnclaveMode:
                platform.NoteException(thread.Held, signal);
                return SystemCallInside(thread);
            case SignalCause.CallInside when thread.WasMoved:
                // A stub's own call, which a dispatch of the program's refused.
                platform.NoteException(thread.Held, signal);
                strict.NoteRefused(thread.Space);
                return Answer.RunOn;
            case SignalCause.Exception:
                return Exception(thread, signal);
        }

        if (thread.Processor.EnclaveMode)
        {
            exits.ForInterrupt(thread);
        }

        platform.KeepOrder(thread.Held);
        return Answer.Deliver(signal);
    }

    private Answer Exception(TracedThread thread, int signal)
    {
        platform.NoteException(thread.Held, signal);
        _ = thread.GetSignal(out SignalInformation information);
        ExceptionVector vector = platform.VectorOf(thread.Held, information);
        return vector switch
        {
            ExceptionVector.InvalidOpcode => opcodes.Handle(thread),
            ExceptionVector.PageFault or ExceptionVector.GeneralProtection or ExceptionVector.AlignmentCheck =>
                memory.Handle(thread, vector, information),
            _ => traps.Handle(thread, vector, information),
        };
    }

    /// <summary>A thread that was inside and running was stopped to make it leave: the asynchronous exit of that.</summary>
    /// <returns>True when it can run on, for whatever stopped it comes again after ERESUME; false when the stop has
    /// still to be answered.</returns>
    public bool Interrupted(TracedThread thread, in ProgramEvent happened)
    {
        bool comesAgain = true;
        ExceptionVector? vector = null;
        StepInterrupts.HideFlag(thread);
        if (happened.Kind == EventKind.Signal)
        {
            int signal = happened.Signal;
            SignalCause cause = platform.CauseOf(thread.Held, happened);
            if (cause == SignalCause.CallInside)
            {
                platform.NoteException(thread.Held, signal);
                RewindSystemCall(thread);
                exits.ForInterrupt(thread);
                return true;
            }

            if (cause != SignalCause.Raised && StepInterrupts.IsStep(thread, happened))
            {
                platform.NoteException(thread.Held, signal);
                _ = steps.Note(thread);
                exits.ForInterrupt(thread);
                return true;
            }

            _ = thread.GetSignal(out SignalInformation information);
            comesAgain = cause == SignalCause.Exception || IsOfPlanted(thread, information);
            if (comesAgain && signal == Linux.Signal.SIGTRAP)
            {
                switch (information.Code)
                {
                    case SignalInformation.TrapHardwareBreakpoint:
                        break;
                    case SignalInformation.SiKernel:
                        // INT3, or INT 3 of two bytes, is over already: the thread executes it again.
                        thread.Registers.Rip -= thread.Space.Held.IsBehindTwoByteBreakpoint(thread.Peek().Rip) ? 2UL : 1UL;
                        break;
                    default:
                        (vector, comesAgain) = (ExceptionVector.Debug, false); // a trap, and the step is over
                        break;
                }
            }

            if (comesAgain)
            {
                platform.NoteException(thread.Held, signal);
                thread.Registers.Rflags &= ~Registers.ResumeFlag; // or the instruction would execute
            }
        }
        else if (happened.Kind == EventKind.SystemCall)
        {
            RewindSystemCall(thread);
        }
        else if (happened.Kind == EventKind.ProcessStopped)
        {
            comesAgain = false; // or it would run in a process that stands
        }

        exits.Exit(thread, vector, 0, default);
        return comesAgain;
    }

    /// <summary>A system call was tried inside an enclave: #UD. SDM 3D, "Illegal Instructions".</summary>
    public Answer SystemCallInside(TracedThread thread)
    {
        RewindSystemCall(thread);
        if (!thread.Processor.InElrange(new LinearAddress(thread.Peek().Rip)))
        {
            return exits.Raise(thread, ExceptionVector.GeneralProtection, 0, default);
        }

        illegal.ExecutedUnknown(thread, thread.Peek().Rip);
        return exits.Raise(thread, ExceptionVector.InvalidOpcode, 0, default);
    }

    // Another thread's answer may have taken it away since: what stands there now says nothing of it.
    private static bool IsOfPlanted(TracedThread thread, in SignalInformation information)
    {
        ulong address = thread.Peek().Rip - 1;
        return information is { Signal: Linux.Signal.SIGTRAP, Code: SignalInformation.SiKernel }
            && thread.Space.Mappings.Find(address)?.File.Planted is { } planted && (planted.Contains(address) || planted.HasGone(address));
    }

    private static void RewindSystemCall(TracedThread thread)
    {
        ref UserRegisters r = ref thread.Registers;
        const int instructionLength = 2;
        r.Rip -= instructionLength;
        r.Rax = r.OrigRax;
        r.OrigRax = ulong.MaxValue;
    }
}
