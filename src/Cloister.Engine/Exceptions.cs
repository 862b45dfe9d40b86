using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Linux;
using Cloister.Processor;
using Cloister.Processor.Enclu;
using Iced.Intel;

namespace Cloister.Engine;

/// <summary>Signals at which a thread stops: exceptions of enclave and host, ENCLU and CPUID among them, and signals sent to the program.</summary>
internal sealed class Exceptions(Tracer tracer)
{
    private const int TkillCode = -6;

    // A page that is inserted and still faults is a defect of ours; the thread must not spin.
    private const int MostRetries = 1000;

    private readonly CpuidEmulator _cpuid = new(tracer.Machine.Options.Capabilities, [(0x70000000, (ulong)tracer.Epc.PageCount * 4096)]);

    /// <summary>Answers a stop before the delivery of a signal.</summary>
    public void Signal(TracedThread thread, int signal)
    {
        _ = Ptrace.GetSignal(thread.Id, out SignalInformation information);
        if (thread.Raising is { } raising && raising.Number == signal && information.Code == TkillCode)
        {
            thread.Raising = null;
            Deliver(thread, raising);
            return;
        }

        bool synchronous = information.Code > 0 && signal is Linux.Signal.SIGILL or Linux.Signal.SIGTRAP or Linux.Signal.SIGBUS or Linux.Signal.SIGSEGV or Linux.Signal.SIGFPE;
        if (!synchronous)
        {
            if (thread.Processor.EnclaveMode)
            {
                ExitForInterrupt(thread);
            }

            tracer.Resume(thread, signal);
            return;
        }

        switch (signal)
        {
            case Linux.Signal.SIGILL:
                InvalidOpcode(thread);
                break;
            case Linux.Signal.SIGSEGV or Linux.Signal.SIGBUS:
                Memory(thread, information);
                break;
            default:
                Trap(thread, information);
                break;
        }
    }

    /// <summary>A thread that was inside and running was stopped to make it leave: the asynchronous exit of that.</summary>
    /// <returns>True when it can run on, for whatever stopped it comes again after ERESUME; false when the stop has still to be answered.</returns>
    public bool Interrupted(TracedThread thread, WaitStatus status)
    {
        bool comesAgain = true;
        if (status.Event == PtraceEvent.None && status.StopSignal is var signal)
        {
            _ = Ptrace.GetSignal(thread.Id, out SignalInformation information);
            comesAgain = information.Code > 0 && signal is Linux.Signal.SIGILL or Linux.Signal.SIGSEGV or Linux.Signal.SIGBUS or Linux.Signal.SIGFPE;
        }
        else if (status.Event == PtraceEvent.Seccomp)
        {
            RewindSystemCall(thread);
        }

        ExitForInterrupt(thread);
        return comesAgain;
    }

    /// <summary>An asynchronous exit for an interrupt; the thread is left at its asynchronous exit pointer.</summary>
    public void ExitForInterrupt(TracedThread thread) => Exit(thread, null, 0, default);

    /// <summary>A system call was tried inside an enclave: #UD. SDM 3D, "Illegal Instructions".</summary>
    public void SystemCallInside(TracedThread thread)
    {
        RewindSystemCall(thread);
        if (!thread.Processor.InElrange(new LinearAddress(thread.Peek().Rip)))
        {
            RaiseInside(thread, ExceptionVector.GeneralProtection, 0, default);
            return;
        }

        RaiseInside(thread, ExceptionVector.InvalidOpcode, 0, default);
    }

    private static void RewindSystemCall(TracedThread thread)
    {
        ref UserRegisters r = ref thread.Registers;
        const int instructionLength = 2;
        r.Rip -= instructionLength;
        r.Rax = r.OrigRax;
        r.OrigRax = ulong.MaxValue;
    }

    private void InvalidOpcode(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[EncluInstruction.Length];
        ulong rip = thread.Peek().Rip;
        int read = Fetch(thread, rip, code);
        if (read == EncluInstruction.Length && code is [0x0f, 0x01, 0xd7])
        {
            Enclu(thread);
            return;
        }

        if (IsPatched(thread.Space, rip, code))
        {
            // Another thread's ENCLU here stopped at the same time and was answered first: the jump that is here now does it.
            tracer.Resume(thread);
            return;
        }

        if (thread.Processor.EnclaveMode)
        {
            RaiseInside(thread, ExceptionVector.InvalidOpcode, 0, default);
            return;
        }

        if (thread.Space.CpuidSites.Contains(rip) && code is [0x0f, 0x0b, ..])
        {
            ref UserRegisters r = ref thread.Registers;
            _cpuid.Execute(ref r);
            r.Rip += 2;
            ResumeAfterInstruction(thread);
            return;
        }

        tracer.Resume(thread, Linux.Signal.SIGILL);
    }

    /// <summary>Executes ENCLU until the thread can run on by itself.</summary>
    private void Enclu(TracedThread thread)
    {
        AddressSpace space = thread.Space;
        if (space.Fast is { } fast && fast.SiteOf(thread.Peek().Rip) is var site && site != thread.Peek().Rip)
        {
            thread.Registers.Rip = site;
        }

        if (tracer.Options is { Mode: EngineMode.Fast, Isolation: IsolationMode.Fast })
        {
            PrepareFast(thread);
        }

        if ((EncluLeaf)(uint)thread.Peek().Rax == EncluLeaf.Eenter && !thread.Processor.EnclaveMode)
        {
            tracer.PowerLoss.CountEntry();
        }

        thread.ToModel();
        bool added = false;
        bool trapFlag = thread.FastSlot >= 0 && (thread.Peek().Rflags & Registers.TrapFlag) != 0;
        while (true)
        {
            LogicalProcessor processor = thread.Processor;
            EncluLeaf leaf = (EncluLeaf)(uint)processor.Registers.Rax;
            ulong operand = processor.Registers.Rcx;
            LeafResult result = EncluInstruction.Dispatch(tracer.Machine, processor, space, thread);
            if (result.Status != LeafStatus.Fault)
            {
                NoteEpcmChange(space, leaf, operand, result);
                if (added && leaf == EncluLeaf.Eaccept && result.IsSuccess)
                {
                    tracer.Accepts.Promise(thread, operand & ~4095UL);
                }

                thread.FromModel();
                if (trapFlag && processor.EnclaveMode)
                {
                    // The exit must bring TF back, which a fast one does not: without a selector the thread exits by the tracer.
                    thread.Registers.Es = 0;
                }

                ResumeAfterInstruction(thread);
                return;
            }

            Fault fault = result.Fault;
            if (processor.EnclaveMode)
            {
                thread.FromModel();
                added = fault.Address.Value == operand;
                if (!ResolveInside(thread, fault))
                {
                    return;
                }

                if (!processor.EnclaveMode || !IsEnclu(thread))
                {
                    tracer.Resume(thread);
                    return;
                }

                thread.ToModel();
                continue;
            }

            // EENTER or ERESUME faulted: the fault is the host's, at the instruction.
            thread.FromModel();
            if (fault.Vector != ExceptionVector.PageFault || !ResolvePage(thread, fault))
            {
                Raise(thread, fault.Vector, fault.ErrorCode, fault.Address, Unmapped(space, fault));
                return;
            }
        }
    }

    // The first slow EENTER of a thread gives it a slot, the first at a site puts a jump there.
    private void PrepareFast(TracedThread thread)
    {
        AddressSpace space = thread.Space;
        ulong rip = thread.Peek().Rip;
        var leaf = (EncluLeaf)(uint)thread.Peek().Rax;
        if (leaf is EncluLeaf.Eexit or EncluLeaf.Eaccept && thread.Processor.EnclaveMode)
        {
            SitePatcher.Patch(tracer, thread, rip, inEnclave: true);
            if (leaf == EncluLeaf.Eaccept)
            {
                tracer.Accepts.Prepare(thread);
            }

            return;
        }

        if (leaf != EncluLeaf.Eenter || thread.Processor.EnclaveMode || space.FastRefused || space.Table is null || tracer.PowerLoss.CountsEntries)
        {
            return;
        }

        if (space.Fast is null)
        {
            space.Fast = HostKernel.HasFsgsbase ? FastPath.Create(thread, replace: false) : null;
            space.FastRefused = space.Fast is null;
            if (space.Vdso?.Stub is { } stub)
            {
                space.Fast?.Add(stub);
            }
        }

        if (space.Fast is { } fast && fast.Assign(thread) && rip != space.Vdso?.Enclu)
        {
            SitePatcher.Patch(tracer, thread, rip, inEnclave: false);
        }
    }

    // An instruction that was executed for the thread ends in #DB when TF is set, as one that it executes itself.
    private void ResumeAfterInstruction(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        if ((r.Rflags & Registers.TrapFlag) == 0 || thread.Processor.EnclaveMode)
        {
            tracer.Resume(thread);
            return;
        }

        var information = new SignalInformation { Signal = Linux.Signal.SIGTRAP, Code = SignalInformation.TrapTrace, Address = r.Rip };
        Deliver(thread, new ProgramSignal(Linux.Signal.SIGTRAP, information, (ulong)ExceptionVector.Debug, 0, null));
    }

    // EACCEPT, EACCEPTCOPY and EMODPE change the entry of the page in RCX.
    private void NoteEpcmChange(AddressSpace space, EncluLeaf leaf, ulong operand, in LeafResult result)
    {
        if (result.IsSuccess && leaf is EncluLeaf.Eaccept or EncluLeaf.Eacceptcopy or EncluLeaf.Emodpe
            && space.Mappings.Find(operand & ~4095UL) is { } mapping)
        {
            ulong offset = mapping.OffsetOf(operand & ~4095UL);
            mapping.File.Awaited?.Update(tracer.Machine, space.Pages.Peek(operand).Page, offset);
            foreach (AddressSpace other in mapping.File.AddressSpaces)
            {
                other.Refresh(mapping.File, offset, 1);
            }
        }
    }

    private void Memory(TracedThread thread, in SignalInformation information)
    {
        bool inside = thread.Processor.EnclaveMode;
        ulong rip = thread.Peek().Rip;
        if (thread.LeftStub)
        {
            // The fault was of a stub; the ENCLU that it was put back to finds it again, if it is still there.
            tracer.Resume(thread);
            return;
        }

        Span<byte> code = stackalloc byte[InstructionAccess.MaximumLength];
        int length = Fetch(thread, rip, code);
        if (information.Signal == Linux.Signal.SIGSEGV && information.Code == SignalInformation.SiKernel)
        {
            GeneralProtection(thread, code[..length]);
            return;
        }

        if (information.Signal == Linux.Signal.SIGBUS && information.Code != SignalInformation.BusAddressError)
        {
            Trap(thread, information);
            return;
        }

        AccessKind access = InstructionAccess.KindOf(code[..length], thread.Peek(), information.Address);
        var address = new LinearAddress(information.Address);
        if (inside)
        {
            if (access == AccessKind.Execute && !thread.Processor.InElrange(address))
            {
                if (tracer.Files.All.FirstOrDefault(file => file.ExitStubs.ContainsKey(rip)) is { } stubbed)
                {
                    thread.Registers.Rip = stubbed.ExitStubs[rip];
                    Enclu(thread);
                    return;
                }

                RaiseInside(thread, ExceptionVector.GeneralProtection, 0, default);
                return;
            }

            PageFaultInside(thread, address, access);
            return;
        }

        if (thread.Space.Mappings.Find(information.Address) is not { } mapping)
        {
            tracer.Resume(thread, information.Signal);
            return;
        }

        PageFaultOutside(thread, mapping, address, access);
    }

    private void PageFaultInside(TracedThread thread, LinearAddress address, AccessKind access)
    {
        thread.ToModel();
        AddressSpace space = thread.Space;
        Fault? fault = AccessCheck.Check(tracer.Machine, thread.Processor, space, address, access);
        if (fault is null)
        {
            // The model allows it: the process's real mapping lags behind.
            if (space.Mappings.Find(address.Value) is { } mapping && Bounded(thread, address))
            {
                space.Refresh(address.PageBase.Value);
                if (access == AccessKind.Execute || !space.Pages.Peek(address.Value).Executable)
                {
                    GrantIfExecuting(thread, mapping, address, access);
                }

                tracer.Resume(thread);
                return;
            }

            fault = Fault.PageFault(address, PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0)
                | (access == AccessKind.Execute ? PageFaultErrorCode.InstructionFetch : 0));
        }

        if (!ResolveInside(thread, fault.Value))
        {
            return;
        }

        // The instruction would find out by itself that the page is pending, at the price of one more stop.
        if (thread.Processor.EnclaveMode && AccessCheck.Check(tracer.Machine, thread.Processor, space, address, access) is { } next
            && (next.ErrorCode & (uint)PageFaultErrorCode.Sgx) != 0)
        {
            _ = ResolveInside(thread, next);
            return;
        }

        tracer.Resume(thread);
    }

    private void GrantIfExecuting(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        if (access == AccessKind.Execute)
        {
            Mappings.GrantExecution(tracer, thread, mapping, address.Value);
        }
    }

    /// <summary>A fault of enclave code: asynchronous exit, then what the kernel does. True when the thread can go on (and if AEP is an ENCLU, has resumed).</summary>
    private bool ResolveInside(TracedThread thread, in Fault fault)
    {
        // The kernel handles the fault after the exit: the thread is outside while the driver works.
        Exit(thread, fault.Vector, fault.ErrorCode, fault.Address);
        if (fault.Vector != ExceptionVector.PageFault || !ResolvePage(thread, fault))
        {
            Raise(thread, fault.Vector, fault.ErrorCode, fault.Address.PageBase, Unmapped(thread.Space, fault));
            return false;
        }

        return ResumeInside(thread);
    }

    // The instruction at AEP is nearly always the ENCLU that resumes: nothing of the program would run in between.
    private bool ResumeInside(TracedThread thread)
    {
        if (!IsEnclu(thread))
        {
            return true;
        }

        thread.ToModel();
        LeafResult result = EncluInstruction.Dispatch(tracer.Machine, thread.Processor, thread.Space, thread);
        if (result.Status != LeafStatus.Fault)
        {
            thread.FromModel();
        }

        // On a fault the thread executes the ENCLU itself and the fault is found again.
        return true;
    }

    private static bool IsEnclu(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[EncluInstruction.Length];
        ulong rip = thread.Peek().Rip;
        return Fetch(thread, rip, code) == EncluInstruction.Length && (code is [0x0f, 0x01, 0xd7] || IsPatched(thread.Space, rip, code));
    }

    private static bool IsPatched(AddressSpace space, ulong rip, ReadOnlySpan<byte> code) =>
        code is [SitePatcher.ShortJumpOpcode, ..] && space.Fast?.PatchedSites.Contains(rip) == true;

    /// <summary>The kernel's page fault handler: true when the page is there now.</summary>
    private bool ResolvePage(TracedThread thread, in Fault fault)
    {
        AddressSpace space = thread.Space;
        var code = (PageFaultErrorCode)fault.ErrorCode;
        if (space.Mappings.Find(fault.Address.Value) is not { } mapping || (code & PageFaultErrorCode.Sgx) != 0)
        {
            // arch/x86/mm/fault.c, access_error: a fault with the SGX bit is never resolved.
            return false;
        }

        AccessKind access = (code & PageFaultErrorCode.InstructionFetch) != 0 ? AccessKind.Execute
            : (code & PageFaultErrorCode.Write) != 0 ? AccessKind.Write : AccessKind.Read;
        if (!mapping.Allows(AddressSpace.ProtectionFor(access)) || !Bounded(thread, fault.Address))
        {
            return false;
        }

        if ((code & PageFaultErrorCode.Present) != 0)
        {
            return !AddressSpace.Allows(space.Pages.Peek(fault.Address.Value), access) && Relax(thread, mapping, fault.Address, access);
        }

        return Load(thread, mapping, fault.Address, access) == VmFault.NoPage;
    }

    /// <summary>An entry allows less than its mapping: the driver decides. True when the access can be tried again.</summary>
    private bool Relax(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        if (access != AccessKind.Write || mapping.File.Enclave is not { } enclave)
        {
            return Load(thread, mapping, address, access) == VmFault.NoPage;
        }

        VmFault result = tracer.Driver.WriteFault(enclave, address);
        thread.SigbusFault = result == VmFault.Sigbus;
        if (result == VmFault.NoPage)
        {
            thread.Space.MakeWritable(address.PageBase);
        }

        return result == VmFault.NoPage;
    }

    private VmFault Load(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        VmFault result = mapping.File switch
        {
            { Enclave: { } enclave } => tracer.Driver.Fault(enclave, thread.Space, address, access, (Protection)mapping.Protection),
            { VirtualEpc: { } virtualEpc } => tracer.Driver.Fault(virtualEpc, thread.Space, address, mapping.OffsetOf(address.PageBase.Value), (Protection)mapping.Protection),
            _ => VmFault.Sigbus,
        };
        thread.SigbusFault = result == VmFault.Sigbus;
        return result;
    }

    private static bool Bounded(TracedThread thread, LinearAddress address)
    {
        (ulong, ulong) place = (thread.Peek().Rip, address.Value);
        thread.Retries = place == thread.RetryPlace ? thread.Retries + 1 : 0;
        thread.RetryPlace = place;
        return thread.Retries < MostRetries;
    }

    private void PageFaultOutside(TracedThread thread, EnclaveMapping mapping, LinearAddress address, AccessKind access)
    {
        AddressSpace space = thread.Space;
        if (!mapping.Allows(AddressSpace.ProtectionFor(access)))
        {
            Raise(thread, ExceptionVector.PageFault, (uint)(PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0)), address, unmapped: false);
            return;
        }

        if (!space.Pages.Peek(address.Value).Present && Load(thread, mapping, address, access) != VmFault.NoPage)
        {
            Raise(thread, ExceptionVector.PageFault, (uint)(PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0)), address, unmapped: false);
            return;
        }

        if (access == AccessKind.Write && !AddressSpace.Allows(space.Pages.Peek(address.Value), access) && !Relax(thread, mapping, address, access))
        {
            Raise(thread, ExceptionVector.PageFault, (uint)(PageFaultErrorCode.User | PageFaultErrorCode.Write | PageFaultErrorCode.Present), address, unmapped: false);
            return;
        }

        NativeAccess native = space.Pages.Peek(address.Value).Native;
        bool reachable = access == AccessKind.Write ? native == NativeAccess.ReadWrite : native != NativeAccess.None;
        if (tracer.Options.Isolation == IsolationMode.Fast && reachable && access != AccessKind.Execute && Bounded(thread, address))
        {
            tracer.Resume(thread);
            return;
        }

        AbortPage.Access(tracer, thread, address.PageBase.Value, access);
    }

    private void GeneralProtection(TracedThread thread, ReadOnlySpan<byte> code)
    {
        if (!thread.Processor.EnclaveMode)
        {
            if (code is [0x0f, 0x01, 0xd7, ..])
            {
                // A processor that has SGX of its own, switched on, answers #GP.
                Enclu(thread);
                return;
            }

            tracer.Resume(thread, Linux.Signal.SIGSEGV);
            return;
        }

        Instruction instruction = InstructionAccess.Decode(code, thread.Peek().Rip);
        RaiseInside(thread, InstructionAccess.IsIllegalInside(instruction) ? ExceptionVector.InvalidOpcode : ExceptionVector.GeneralProtection, 0, default);
    }

    private void Trap(TracedThread thread, in SignalInformation information)
    {
        if (!thread.Processor.EnclaveMode)
        {
            tracer.Resume(thread, information.Signal);
            return;
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
            Span<byte> code = stackalloc byte[2];
            bool isTwoBytes = Fetch(thread, thread.Peek().Rip - 2, code) == 2 && code is [0xcd, 0x03];
            if (isTwoBytes || !thread.Processor.DebugOptIn)
            {
                thread.Registers.Rip -= isTwoBytes ? 2UL : 1UL;
                vector = ExceptionVector.InvalidOpcode;
            }
        }

        Exit(thread, vector, 0, default);
        Raise(thread, vector, 0, default, unmapped: false, information);
    }

    private static bool IsSimd(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[InstructionAccess.MaximumLength];
        AddressSpace space = thread.Space;
        int length = FetchFrom(space, thread.Peek().Rip, code);
        Instruction instruction = InstructionAccess.Decode(code[..length], thread.Peek().Rip);
        return instruction.IsInvalid || !instruction.Code.Mnemonic().ToString().StartsWith('F');
    }

    private void RaiseInside(TracedThread thread, ExceptionVector vector, uint errorCode, LinearAddress address)
    {
        Exit(thread, vector, errorCode, address);
        Raise(thread, vector, errorCode, address, unmapped: false);
    }

    private void Exit(TracedThread thread, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        thread.ToModel();
        Aex.Execute(tracer.Machine, thread.Processor, thread.Space, thread, vector, errorCode, address);
        thread.FromModel();
    }

    private static bool Unmapped(AddressSpace space, in Fault fault) => space.Mappings.Find(fault.Address.Value) is null;

    /// <summary>Gives an exception to the program: by the vDSO's exception fixup, or as a signal.</summary>
    private void Raise(TracedThread thread, ExceptionVector vector, uint errorCode, LinearAddress address, bool unmapped, SignalInformation? original = null)
    {
        bool sigbus = thread.SigbusFault && vector == ExceptionVector.PageFault;
        thread.SigbusFault = false;

        // arch/x86/entry/vdso/extable.c: #DB and #BP are not fixed up.
        if (thread.Space.Vdso is { } vdso && thread.Peek().Rip == vdso.Enclu && vector is not (ExceptionVector.Debug or ExceptionVector.Breakpoint))
        {
            ref UserRegisters r = ref thread.Registers;
            (r.Rdi, r.Rsi, r.Rdx, r.Rip) = ((ulong)vector, errorCode, address.Value, vdso.HandleException);
            tracer.Resume(thread);
            return;
        }

        // RFC v3 4/4 of December 2018: where a signal would be generated, and the instruction is the registered one.
        if (tracer.Driver.EncluHandlerOf(thread.Space) is { } registered && thread.Peek().Rip == registered.Enclu.Value
            && vector is not (ExceptionVector.Debug or ExceptionVector.Breakpoint))
        {
            ref UserRegisters r = ref thread.Registers;
            (r.Rdi, r.Rsi, r.Rdx, r.Rip) = ((ulong)vector, errorCode, address.Value, registered.Handler.Value);
            tracer.Resume(thread);
            return;
        }

        Deliver(thread, SignalOf(vector, errorCode, address, sigbus, unmapped, original));
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

    private void Deliver(TracedThread thread, in ProgramSignal signal)
    {
        // First: remote calls would make the stop one that cannot deliver.
        tracer.Settle(thread);
        if (thread.SignalAtStop == 0)
        {
            // Not at a stop that can deliver: a signal of ours brings the thread to one.
            thread.Raising = signal;
            _ = Ptrace.GetSignalMask(thread.Id, out ulong mask);
            _ = Ptrace.SetSignalMask(thread.Id, mask & ~(1UL << (signal.Number - 1)));
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, signal.Number);
            tracer.Resume(thread);
            return;
        }

        SignalInformation information = signal.Information;
        if (information.Address == 0 && signal.Trap == (ulong)ExceptionVector.InvalidOpcode)
        {
            information.Address = thread.Peek().Rip;
        }

        _ = Ptrace.SetSignal(thread.Id, in information);
        bool handled = thread.Process.Handlers.GetValueOrDefault(signal.Number) > 1;
        if (!handled)
        {
            tracer.Resume(thread, signal.Number);
            return;
        }

        // Step into the handler, where the frame can be given the exception's own numbers.
        _ = thread.Store();
        thread.NoteRan();
        _ = Ptrace.SingleStep(thread.Id, signal.Number);
        int waited = thread.Wait(out WaitStatus status);
        if (waited < 0 || !status.Stopped)
        {
            throw new ThreadEndedException(thread.Id, waited < 0 ? null : status);
        }

        thread.Stopped = true;
        if (status.Event == PtraceEvent.None && status.StopSignal == Linux.Signal.SIGTRAP)
        {
            SignalFrame.Write(thread, signal);
            tracer.Resume(thread);
            return;
        }

        tracer.Requeue(thread, status);
    }

    /// <summary>Reads code as the processor fetches it: an enclave's from the EPC.</summary>
    private static int Fetch(TracedThread thread, ulong rip, Span<byte> code) => FetchFrom(thread.Space, rip, code);

    private static int FetchFrom(AddressSpace space, ulong rip, Span<byte> code)
    {
        int done = 0;
        while (done < code.Length)
        {
            ulong at = rip + (ulong)done;
            int chunk = (int)Math.Min((ulong)(code.Length - done), 4096 - (at & 4095));
            if (space.Mappings.Find(at) is { } mapping)
            {
                if (!space.Pages.Peek(at).Present)
                {
                    break;
                }

                mapping.File.Bytes(mapping.OffsetOf(at & ~4095UL)).Slice((int)(at & 4095), chunk).CopyTo(code[done..]);
            }
            else if (!space.Memory.TryPeek(at, code.Slice(done, chunk)))
            {
                break;
            }

            done += chunk;
        }

        return done;
    }
}
