using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Fast;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Vdso;
using Cloister.Linux;

namespace Cloister.Engine.Enclaves;

/// <summary>Gives the exceptions of enclaves and of ENCLU to the program, by the vDSO, by a registered handler or as signals.</summary>
internal sealed class SignalDelivery(
    Observation observed, FastSpaces spaces, PageFaults faults, ISgxDriver driver, DeviceFiles files, Processes processes,
    Interruptions interruptions, IPlatform platform, PendingChanges changes)
{
    /// <summary>Whether a thread is to stand before it gets an exception's signal.</summary>
    public Func<TracedThread, ProgramSignal, bool>? Stands { get; set; }

    /// <summary>Gives an exception to the program: by the vDSO's exception fixup, or as a signal.</summary>
    public Answer Raise(TracedThread thread, ExceptionVector vector, uint errorCode, LinearAddress address, bool unmapped,
        SignalInformation? original = null)
    {
        bool sigbus = faults.TakeSigbus(thread) && vector == ExceptionVector.PageFault;

        // arch/x86/entry/vdso/extable.c: #DB and #BP are not fixed up.
        if (thread.Space.Vdso is { } vdso && vdso.Fixes(thread.Peek().Rip)
            && vector is not (ExceptionVector.Debug or ExceptionVector.Breakpoint))
        {
            observed.Observer.ExceptionRaised(thread, new RaisedException(vector, errorCode, address, ExceptionWay.Vdso, 0));
            ref UserRegisters r = ref thread.Registers;
            (r.Rdi, r.Rsi, r.Rdx, r.Rip) = ((ulong)vector, errorCode, address.Value, vdso.HandleException);
            if (spaces.Of(thread.Space) is not null && vdso.InitializesState != 0
                && thread.TakeInitialization() is not 0 and var components)
            {
                (r.R9, r.R10, r.R11) = (r.Rax, r.Rdx, VdsoImage.InitialState);
                (r.Rax, r.Rdx, r.Rip) = ((uint)components, components >> 32, vdso.InitializesState);
            }

            return Answer.RunOn;
        }

        // RFC v3 4/4 of December 2018: where a signal would be generated, and the instruction is the registered one.
        if (driver.Legacy?.EncluHandlerOf(thread.Space) is { } registered && thread.Peek().Rip == registered.Enclu.Value
            && vector is not (ExceptionVector.Debug or ExceptionVector.Breakpoint))
        {
            observed.Observer.ExceptionRaised(thread, new RaisedException(vector, errorCode, address, ExceptionWay.RegisteredHandler, 0));
            ref UserRegisters r = ref thread.Registers;
            (r.Rdi, r.Rsi, r.Rdx, r.Rip) = ((ulong)vector, errorCode, address.Value, registered.Handler.Value);
            return Answer.RunOn;
        }

        ProgramSignal signal = SignalOf(vector, errorCode, address, sigbus, unmapped, original);
        observed.Observer.ExceptionRaised(thread, new RaisedException(vector, errorCode, address, ExceptionWay.Signal, signal.Number));
        return Deliver(thread, signal);
    }

    // The signals of arch/x86/kernel/traps.c and arch/x86/mm/fault.c.
    private static ProgramSignal SignalOf(ExceptionVector vector, uint errorCode, LinearAddress address, bool sigbus, bool unmapped,
        SignalInformation? original)
    {
        (int number, int code, ulong at) = vector switch
        {
            ExceptionVector.PageFault when sigbus => (Linux.Signal.SIGBUS, SignalInformation.BusAddressError, address.Value),
            ExceptionVector.PageFault => (Linux.Signal.SIGSEGV, unmapped ? SignalInformation.SegvMapError
                : SignalInformation.SegvAccessError, address.Value),
            ExceptionVector.InvalidOpcode => (Linux.Signal.SIGILL, SignalInformation.IllegalOperand, 0UL),
            ExceptionVector.DivideError or ExceptionVector.X87FloatingPoint or ExceptionVector.SimdFloatingPoint =>
                (Linux.Signal.SIGFPE, original?.Code ?? 1, 0UL),
            ExceptionVector.Debug or ExceptionVector.Breakpoint => (Linux.Signal.SIGTRAP, original?.Code
                ?? SignalInformation.SiKernel, 0UL),
            ExceptionVector.AlignmentCheck => (Linux.Signal.SIGBUS, original?.Code ?? 1, 0UL),
            _ => (Linux.Signal.SIGSEGV, SignalInformation.SiKernel, 0UL),
        };
        var information = new SignalInformation { Signal = number, Code = code, Address = at };
        return new ProgramSignal(number, information, (ulong)vector, errorCode, vector == ExceptionVector.PageFault ? address.Value : null);
    }

    /// <summary>Delivers a signal with the numbers of its exception.</summary>
    public Answer Deliver(TracedThread thread, in ProgramSignal signal) =>
        Stands?.Invoke(thread, signal) == true ? Answer.Stand : DeliverRaised(thread, signal);

    /// <summary>Delivers one that was raised before.</summary>
    public Answer DeliverRaised(TracedThread thread, in ProgramSignal signal)
    {
        using IDisposable? others = HoldOthers(thread, signal.Number);

        platform.PrepareRaise(thread.Held, signal.Number);
        changes.Settle(thread);
        if (thread.Space.InElrange.Apply(files.All, thread.Space, thread, thread.Processor.EnclaveMode,
            () => processes.ShareMemory(thread)))
        {
            spaces.Deselect(thread);
        }

        spaces.Publish(thread);
        Delivery delivery = platform.Raise(thread.Held, signal);
        if (delivery is Delivery.InHandler or Delivery.Interrupted)
        {
            observed.Observer.SignalDelivered(thread, signal.Number);
        }

        return delivery switch
        {
            Delivery.ByKernel => Answer.Deliver(signal.Number) with { IsAgreed = true },
            Delivery.Interrupted => Answer.Stand,
            _ => Answer.RunOn,
        };
    }

    /// <summary>Stops the other threads where a stop of theirs could take the handler of a signal away before it runs.</summary>
    public IDisposable? HoldOthers(TracedThread thread, int signal) =>
        platform.MayLoseHandler(thread.Held, signal) ? interruptions.HoldOthers(thread) : null;

    /// <summary>Lets a thread that is at a signal's stop go to the first instruction of the handler.</summary>
    /// <returns>False when something else stopped it, which is answered later.</returns>
    public bool StepIntoHandler(TracedThread thread, int signal)
    {
        observed.Observer.SignalDelivered(thread, signal);
        spaces.Publish(thread);
        return platform.StepIntoHandler(thread.Held, signal);
    }
}
