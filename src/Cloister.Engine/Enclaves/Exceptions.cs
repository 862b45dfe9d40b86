using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Engine.Instructions;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;
using Cloister.Processor.Enclu;
using Iced.Intel;

namespace Cloister.Engine.Enclaves;

/// <summary>Signals at which a thread stops: exceptions of enclave and host, ENCLU and CPUID among them, and signals sent to the program.</summary>
internal sealed class Exceptions(
    SgxMachine machine, IsolationMode isolation, CpuidEmulator cpuid, FastSpaces spaces, PageFaults faults, SignalDelivery signals, AsynchronousExits exits,
    EncluStops enclu, IPlatform platform, IllegalCode illegal, AbortPage abortPage)
{
    /// <summary>What is to become of a thread that stands before the delivery of a signal.</summary>
    public Answer Signal(TracedThread thread, in ProgramEvent happened)
    {
        int signal = happened.Signal;
        switch (platform.CauseOf(thread.Held, happened))
        {
            case SignalCause.Raised:
                return signals.Deliver(thread, platform.TakeRaised(thread.Held));
            case SignalCause.CallInside when thread.Processor.EnclaveMode:
                platform.NoteException(thread.Held, signal);
                return SystemCallInside(thread);
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
        switch (signal)
        {
            case Linux.Signal.SIGILL:
                return InvalidOpcode(thread);
            case Linux.Signal.SIGSEGV or Linux.Signal.SIGBUS:
                return Memory(thread, information);
            default:
                return Trap(thread, information);
        }
    }

    /// <summary>A thread that was inside and running was stopped to make it leave: the asynchronous exit of that.</summary>
    /// <returns>True when it can run on, for whatever stopped it comes again after ERESUME; false when the stop has still to be answered.</returns>
    public bool Interrupted(TracedThread thread, in ProgramEvent happened)
    {
        bool comesAgain = true;
        ExceptionVector? vector = null;
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

            _ = thread.GetSignal(out SignalInformation information);
            comesAgain = cause == SignalCause.Exception;
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

    private static void RewindSystemCall(TracedThread thread)
    {
        ref UserRegisters r = ref thread.Registers;
        const int instructionLength = 2;
        r.Rip -= instructionLength;
        r.Rax = r.OrigRax;
        r.OrigRax = ulong.MaxValue;
    }

    private Answer InvalidOpcode(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[EncluInstruction.Length];
        ulong rip = thread.Peek().Rip;
        int read = thread.Space.ReadCode(rip, code);
        if (read == EncluInstruction.Length && code.SequenceEqual(EncluInstruction.Opcode))
        {
            return enclu.Execute(thread);
        }

        if (exits.IsPatched(thread.Space, rip, code))
        {
            // Another thread's ENCLU here stopped at the same time and was answered first: the jump that is here now does it.
            return Answer.RunOn;
        }

        if (thread.Processor.EnclaveMode)
        {
            if (IllegalCode.At(thread.Space, rip) is { } site)
            {
                illegal.Executed(thread, site);
            }

            return exits.Raise(thread, ExceptionVector.InvalidOpcode, 0, default);
        }

        if (thread.Space is { Vdso: { } vdso, Table: { } table } && rip == vdso.Enter)
        {
            vdso.WriteFunction(table.Slice(RemoteCalls.Offset(Area.Vdso), Area.VdsoLength));
            return Answer.RunOn;
        }

        if (thread.Space.CpuidSites.Contains(rip) && code is [0x0f, 0x0b, ..])
        {
            return Cpuid(thread, length: 2);
        }

        return Answer.Deliver(Linux.Signal.SIGILL);
    }

    // A virtual machine whose host has SGX may hide it from CPUID and still execute ENCLU: #GP where the leaf or its operand is refused, #PF
    // where the operand, which can be no EPC page, is looked at. Such a host has no control that makes ENCLU exit. SDM 3D, ENCLU and EENTER.
    private Answer EncluRanNatively(TracedThread thread, bool patched)
    {
        if (patched)
        {
            // Another thread's ENCLU here was answered first: the jump that is here now does it.
            return Answer.RunOn;
        }

        return enclu.Execute(thread);
    }

    private bool IsEncluOrPatched(AddressSpace space, ulong rip, ReadOnlySpan<byte> code, out bool patched)
    {
        patched = exits.IsPatched(space, rip, code);
        return patched || code.StartsWith(EncluInstruction.Opcode);
    }

    // A fault of the instruction's own bytes; #GP has no address.
    private static bool IsFetch(in SignalInformation information, ulong rip) =>
        !(information is { Signal: Linux.Signal.SIGSEGV, Code: SignalInformation.SiKernel }) && information.Address - rip < EncluInstruction.Length;

    private Answer Memory(TracedThread thread, in SignalInformation information)
    {
        bool inside = thread.Processor.EnclaveMode;
        ulong rip = thread.Peek().Rip;
        if (thread.WasMoved)
        {
            // The fault was of a stub; the ENCLU that it was put back to finds it again, if it is still there.
            return Answer.RunOn;
        }

        Span<byte> code = stackalloc byte[InstructionAccess.MaximumLength];
        int length = thread.Space.ReadCode(rip, code);
        if (!IsFetch(information, rip) && IsEncluOrPatched(thread.Space, rip, code[..length], out bool patched))
        {
            return EncluRanNatively(thread, patched);
        }

        if (information.Signal == Linux.Signal.SIGSEGV && information.Code == SignalInformation.SiKernel)
        {
            return GeneralProtection(thread, code[..length]);
        }

        if (information.Signal == Linux.Signal.SIGBUS && information.Code != SignalInformation.BusAddressError)
        {
            return Trap(thread, information);
        }

        AccessKind access = InstructionAccess.KindOf(code[..length], thread.Peek(), information.Address);
        var address = new LinearAddress(information.Address);
        if (inside)
        {
            if (access == AccessKind.Execute && !thread.Processor.InElrange(address))
            {
                if (SiteOfMissingStub(thread.Space, rip) is { } site)
                {
                    thread.Registers.Rip = site;
                    return enclu.Execute(thread);
                }

                return exits.Raise(thread, ExceptionVector.GeneralProtection, 0, default);
            }

            return PageFaultInside(thread, address, access, isSigbus: information.Signal == Linux.Signal.SIGBUS);
        }

        if (thread.Space.InElrange.HiddenProtection(information.Address) is not null)
        {
            // Outside it has its rights again before the thread runs on.
            return Answer.RunOn;
        }

        if (thread.Space.Mappings.Find(information.Address) is not { } mapping)
        {
            return Answer.Deliver(information.Signal);
        }

        return PageFaultOutside(thread, mapping, address, access);
    }

    // A stub that another process has, or the parent made after the fork, when the child was not known yet: it stands before the stub, or where it was put back to.
    private ulong? SiteOfMissingStub(AddressSpace space, ulong rip)
    {
        foreach (Dictionary<ulong, ulong> stubs in spaces.ExitStubs.Values)
        {
            if (stubs.TryGetValue(rip, out ulong stubbed))
            {
                return stubbed;
            }
        }

        return spaces.Of(space)?.Stubs.SiteOf(rip) is { } site && site != rip ? site : null;
    }

    private Answer PageFaultInside(TracedThread thread, LinearAddress address, AccessKind access, bool isSigbus)
    {
        thread.ToModel();
        AddressSpace space = thread.Space;
        Fault? fault = AccessCheck.Check(machine, thread.Processor, space, address, access);
        if (!thread.Processor.InElrange(address))
        {
            fault ??= AccessCheck.CheckPageTables(space, address, access);

            // The host's memory may have no page to give, as behind the end of a file.
            faults.NoteSigbus(thread, isSigbus && space.Mappings.Find(address.Value) is null);
        }

        if (fault is null)
        {
            // The model allows it: the process's real mapping lags behind.
            PageTableEntry before = space.Pages.Peek(address.Value);
            if (space.Mappings.Find(address.Value) is { } mapping)
            {
                bool came = space.Native.MapAgain(address.PageBase.Value);
                if (access == AccessKind.Execute || !space.Pages.Peek(address.Value).Executable)
                {
                    GrantIfExecuting(thread, mapping, address, access);
                }

                if (came || faults.Answered(thread, address, before))
                {
                    return Answer.RunOn;
                }
            }

            fault = Fault.PageFault(address, PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0)
                | (access == AccessKind.Execute ? PageFaultErrorCode.InstructionFetch : 0));
        }

        if (exits.Resolve(thread, fault.Value) is { } raised)
        {
            return raised;
        }

        // The instruction would find out by itself that the page is pending, at the price of one more stop.
        if (thread.Processor.EnclaveMode && AccessCheck.Check(machine, thread.Processor, space, address, access) is { } next
            && (next.ErrorCode & (uint)PageFaultErrorCode.Sgx) != 0)
        {
            return exits.Resolve(thread, next) ?? Answer.RunOn;
        }

        return Answer.RunOn;
    }

    private void GrantIfExecuting(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        if (access == AccessKind.Execute)
        {
            NativeExecution.Grant(thread.Space, thread, mapping, address.Value, (start, end) => illegal.Guard(thread, mapping, start, end));
        }
    }

    private Answer PageFaultOutside(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        AddressSpace space = thread.Space;
        PageTableEntry before = space.Pages.Peek(address.Value);
        bool refused = PageFaults.IsRefused(mapping, access)
            || (!before.Present && faults.Load(thread, mapping, address, access) != VmFault.NoPage);
        if (refused || !mapping.Grants(access)
            || (access == AccessKind.Write && !AddressSpace.Allows(space.Pages.Peek(address.Value), access) && !faults.Relax(thread, mapping, address, access)))
        {
            PageFaultErrorCode code = PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0)
                | (access == AccessKind.Execute ? PageFaultErrorCode.InstructionFetch : 0)
                | (mapping.IsAccessible && space.Pages.Peek(address.Value).Present ? PageFaultErrorCode.Present : 0);
            return signals.Raise(thread, ExceptionVector.PageFault, (uint)code, address, unmapped: false);
        }

        bool came = space.Native.MapAgain(address.PageBase.Value);
        PageTableEntry now = space.Pages.Peek(address.Value);
        bool reachable = access == AccessKind.Write ? now.Native == NativeAccess.ReadWrite : now.Native != NativeAccess.None;
        if (isolation == IsolationMode.Fast && reachable && access != AccessKind.Execute && (came || faults.Answered(thread, address, before)))
        {
            return Answer.RunOn;
        }

        return abortPage.Access(thread, address.PageBase.Value, access);
    }

    private Answer Cpuid(TracedThread thread, int length)
    {
        ref UserRegisters r = ref thread.Registers;
        cpuid.Execute(ref r);
        r.Rip += (ulong)length;
        return enclu.ResumeAfterInstruction(thread);
    }

    private Answer GeneralProtection(TracedThread thread, ReadOnlySpan<byte> code)
    {
        Instruction instruction = InstructionAccess.Decode(code, thread.Peek().Rip);
        if (!thread.Processor.EnclaveMode)
        {
            if (thread.Space.CpuidFaults && instruction.Mnemonic == Mnemonic.Cpuid)
            {
                return Cpuid(thread, instruction.Length);
            }

            return Answer.Deliver(Linux.Signal.SIGSEGV);
        }

        return exits.Raise(thread, InstructionAccess.IsIllegalInside(instruction) ? ExceptionVector.InvalidOpcode : ExceptionVector.GeneralProtection, 0, default);
    }

    // Also of a thread that was driven out since: it comes again after ERESUME. The instruction is executed if the thread runs on with RF. SDM 3B, "Instruction-Breakpoint Exception Condition".
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

    private Answer Trap(TracedThread thread, in SignalInformation information)
    {
        if (information is { Signal: Linux.Signal.SIGTRAP, Code: SignalInformation.TrapHardwareBreakpoint })
        {
            return Breakpoint(thread);
        }

        if (!thread.Processor.EnclaveMode)
        {
            return Answer.Deliver(information.Signal);
        }

        const int divide = 1;
        ExceptionVector vector = information.Signal switch
        {
            Linux.Signal.SIGFPE when information.Code == divide => ExceptionVector.DivideError,
            Linux.Signal.SIGFPE => IsSimd(thread) ? ExceptionVector.SimdFloatingPoint : ExceptionVector.X87FloatingPoint,
            Linux.Signal.SIGBUS => ExceptionVector.AlignmentCheck,
            _ => information.Code == SignalInformation.SiKernel ? ExceptionVector.Breakpoint : ExceptionVector.Debug,
        };
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

    private static bool IsSimd(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[InstructionAccess.MaximumLength];
        int length = thread.Space.ReadCode(thread.Peek().Rip, code);
        return !(InstructionAccess.WaitsForX87(code[..length]) && thread.HasX87Exception);
    }
}
