using Cloister.Architecture;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Engine.Vdso;
using Cloister.Linux;

namespace Cloister.Engine.Enclaves;

/// <summary>Gives the exceptions of enclaves and of ENCLU to the program, by the vDSO, by a registered handler or as signals.</summary>
internal sealed class SignalDelivery(Tracer tracer)
{
    /// <summary>Gives an exception to the program: by the vDSO's exception fixup, or as a signal.</summary>
    public Answer Raise(TracedThread thread, ExceptionVector vector, uint errorCode, LinearAddress address, bool unmapped, SignalInformation? original = null)
    {
        bool sigbus = thread.SigbusFault && vector == ExceptionVector.PageFault;
        thread.SigbusFault = false;

        // arch/x86/entry/vdso/extable.c: #DB and #BP are not fixed up.
        if (thread.Space.Vdso is { } vdso && vdso.Fixes(thread.Peek().Rip) && vector is not (ExceptionVector.Debug or ExceptionVector.Breakpoint))
        {
            tracer.Observer.ExceptionRaised(thread, new RaisedException(vector, errorCode, address, ExceptionWay.Vdso, 0));
            ref UserRegisters r = ref thread.Registers;
            (r.Rdi, r.Rsi, r.Rdx, r.Rip) = ((ulong)vector, errorCode, address.Value, vdso.HandleException);
            if (thread.Space.Fast is not null && vdso.InitializesState != 0 && thread.TakeInitialization() is not 0 and var components)
            {
                (r.R9, r.R10, r.R11) = (r.Rax, r.Rdx, VdsoImage.InitialState);
                (r.Rax, r.Rdx, r.Rip) = ((uint)components, components >> 32, vdso.InitializesState);
            }

            return Answer.RunOn;
        }

        // RFC v3 4/4 of December 2018: where a signal would be generated, and the instruction is the registered one.
        if (tracer.Driver.EncluHandlerOf(thread.Space) is { } registered && thread.Peek().Rip == registered.Enclu.Value
            && vector is not (ExceptionVector.Debug or ExceptionVector.Breakpoint))
        {
            tracer.Observer.ExceptionRaised(thread, new RaisedException(vector, errorCode, address, ExceptionWay.RegisteredHandler, 0));
            ref UserRegisters r = ref thread.Registers;
            (r.Rdi, r.Rsi, r.Rdx, r.Rip) = ((ulong)vector, errorCode, address.Value, registered.Handler.Value);
            return Answer.RunOn;
        }

        ProgramSignal signal = SignalOf(vector, errorCode, address, sigbus, unmapped, original);
        tracer.Observer.ExceptionRaised(thread, new RaisedException(vector, errorCode, address, ExceptionWay.Signal, signal.Number));
        return Deliver(thread, signal);
    }

    // The signals of arch/x86/kernel/traps.c and arch/x86/mm/fault.c.
    private static ProgramSignal SignalOf(ExceptionVector vector, uint errorCode, LinearAddress address, bool sigbus, bool unmapped, SignalInformation? original)
    {
        (int number, int code, ulong at) = vector switch
        {
            ExceptionVector.PageFault when sigbus => (Linux.Signal.SIGBUS, SignalInformation.BusAddressError, address.Value),
            ExceptionVector.PageFault => (Linux.Signal.SIGSEGV, unmapped ? SignalInformation.SegvMapError : SignalInformation.SegvAccessError, address.Value),
            ExceptionVector.InvalidOpcode => (Linux.Signal.SIGILL, SignalInformation.IllegalOperand, 0UL),
            ExceptionVector.DivideError or ExceptionVector.X87FloatingPoint or ExceptionVector.SimdFloatingPoint => (Linux.Signal.SIGFPE, original?.Code ?? 1, 0UL),
            ExceptionVector.Debug or ExceptionVector.Breakpoint => (Linux.Signal.SIGTRAP, original?.Code ?? SignalInformation.SiKernel, 0UL),
            ExceptionVector.AlignmentCheck => (Linux.Signal.SIGBUS, original?.Code ?? 1, 0UL),
            _ => (Linux.Signal.SIGSEGV, SignalInformation.SiKernel, 0UL),
        };
        var information = new SignalInformation { Signal = number, Code = code, Address = at };
        return new ProgramSignal(number, information, (ulong)vector, errorCode, vector == ExceptionVector.PageFault ? address.Value : null);
    }

    /// <summary>Delivers a signal with the numbers of its exception.</summary>
    public Answer Deliver(TracedThread thread, in ProgramSignal signal)
    {
        using IDisposable? others = HoldOthers(thread, signal.Number);

        // First: remote calls would make the stop one that cannot deliver.
        bool isStop = thread.StoppedAt(signal.Number);
        ForcedSignals.Restore(thread, signal.Number);
        if (!isStop)
        {
            ForcedSignals.Force(thread, signal.Number);
        }

        tracer.Changes.Settle(thread);
        thread.Space.InElrange.Apply(tracer.Files.All, thread, () => tracer.Processes.ShareMemory(thread));
        if (thread.SignalAtStop == 0)
        {
            // Not at a stop that can deliver: a signal of ours brings the thread to one.
            thread.Raising = signal;
            _ = Ptrace.GetSignalMask(thread.Id, out ulong mask);
            _ = Ptrace.SetSignalMask(thread.Id, mask & ~(1UL << (signal.Number - 1)));
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, signal.Number);
            return Answer.RunOn;
        }

        SignalInformation information = signal.Information;
        if (information.Address == 0 && signal.Trap == (ulong)ExceptionVector.InvalidOpcode)
        {
            information.Address = thread.Peek().Rip;
        }

        thread.SetSignal(in information);
        if (!thread.Process.Actions.IsHandled(signal.Number))
        {
            return Answer.Deliver(signal.Number);
        }

        ForcedSignals.NoteDelivery(thread, signal.Number);

        // In the handler the frame can be given the exception's own numbers.
        if (!StepIntoHandler(thread, signal.Number))
        {
            return Answer.Stand;
        }

        SignalFrame.Write(thread, signal);
        return Answer.RunOn;
    }

    /// <summary>Stops the other threads where a stop of theirs could take the handler of a signal away before it runs.</summary>
    public IDisposable? HoldOthers(TracedThread thread, int signal) =>
        ForcedSignals.MayLoseHandler(thread, signal) ? tracer.Interruptions.HoldOthers(thread) : null;

    /// <summary>Lets a thread that is at a signal's stop go to the first instruction of the handler.</summary>
    /// <returns>False when something else stopped it, which is answered later.</returns>
    public bool StepIntoHandler(TracedThread thread, int signal)
    {
        tracer.Observer.SignalDelivered(thread, signal);
        thread.Space.Fast?.Publish(tracer.Machine, thread);
        _ = thread.Store();
        thread.NoteRan();
        _ = Ptrace.SingleStep(thread.Id, signal);
        int waited = thread.Wait(out WaitStatus status);
        if (waited < 0 || !status.Stopped)
        {
            throw new ThreadEndedException(thread.Id, waited < 0 ? null : status);
        }

        thread.Stopped = true;
        if (status.Event == PtraceEvent.None && status.StopSignal == Linux.Signal.SIGTRAP)
        {
            return true;
        }

        tracer.Waits.PutBack(thread, status);
        return false;
    }
}
