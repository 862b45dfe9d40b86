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

/// <summary>SIGSEGV and SIGBUS: pages of enclaves that are not there or allow less, and what a processor without SGX
/// makes of ENCLU.</summary>
internal sealed class MemoryFaults(
    SgxMachine machine, IPlatform platform, IsolationMode isolation, FastSpaces spaces, PageFaults faults, SignalDelivery signals,
    AsynchronousExits exits,
    EncluStops enclu, EmulatedCpuid cpuid,
    Traps traps, IllegalCode illegal, AbortPage abortPage, StrictView strict)
{
    // A virtual machine whose host has SGX may hide it from CPUID and still execute ENCLU: #GP where the leaf or its
    // operand is refused, #PF where the operand, which can be no EPC page, is looked at. Such a host has no control
    // that makes ENCLU exit. SDM 3D, ENCLU and EENTER.
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
    private static bool IsFetch(ExceptionVector vector, in SignalInformation information, ulong rip) =>
        vector != ExceptionVector.GeneralProtection && information.Address - rip < EncluInstruction.Length;

    /// <summary>What is to become of a thread that stands at such a signal.</summary>
    public Answer Handle(TracedThread thread, ExceptionVector vector, in SignalInformation information)
    {
        bool inside = thread.Processor.EnclaveMode;
        ulong rip = thread.Peek().Rip;
        if (thread.WasMoved)
        {
            // The fault was of a stub; the ENCLU that it was put back to finds it again, if it is still there. It would not miss a page
            // that is only not mapped, and the next entry would.
            if (vector == ExceptionVector.PageFault && thread.Space.Mappings.Find(information.Address) is not null)
            {
                _ = thread.Space.Native.MapAgain(HostPage.Start(information.Address));
            }

            return Answer.RunOn;
        }

        if (!inside && information is { Signal: Linux.Signal.SIGSEGV, Code: SignalInformation.SegvAccessError }
            && information.Address - rip < InstructionAccess.MaximumLength && strict.Reveals(thread, information.Address))
        {
            return Answer.RunOn;
        }

        Span<byte> code = stackalloc byte[InstructionAccess.MaximumLength];
        int length = thread.Space.ReadCode(rip, code);
        if (vector == ExceptionVector.GeneralProtection && thread.Space.CpuidSites.Contains(rip)
            && code[..length] is [CpuidPatcher.Halt, CpuidPatcher.Second, ..])
        {
            return inside ? exits.Raise(thread, ExceptionVector.InvalidOpcode, 0, default) : cpuid.Execute(thread, length: 2);
        }

        if (!IsFetch(vector, information, rip) && IsEncluOrPatched(thread.Space, rip, code[..length], out bool patched))
        {
            return EncluRanNatively(thread, patched);
        }

        if (vector == ExceptionVector.GeneralProtection)
        {
            return GeneralProtection(thread, code[..length]);
        }

        if (vector == ExceptionVector.AlignmentCheck)
        {
            return traps.Handle(thread, vector, information);
        }

        AccessKind access = platform.AccessOf(thread.Held, code[..length], information.Address);
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

    // A stub that another process has, or the parent made after the fork, when the child was not known yet: it stands
    // before the stub, or where it was put back to.
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
            || (access == AccessKind.Write && !AddressSpace.Allows(space.Pages.Peek(address.Value), access)
            && !faults.Relax(thread, mapping, address, access)))
        {
            PageFaultErrorCode code = PageFaultErrorCode.User | (access == AccessKind.Write ? PageFaultErrorCode.Write : 0)
                | (access == AccessKind.Execute ? PageFaultErrorCode.InstructionFetch : 0)
                | (mapping.IsAccessible && space.Pages.Peek(address.Value).Present ? PageFaultErrorCode.Present : 0);
            return signals.Raise(thread, ExceptionVector.PageFault, (uint)code, address, unmapped: false);
        }

        bool came = space.Native.MapAgain(address.PageBase.Value);
        PageTableEntry now = space.Pages.Peek(address.Value);
        bool reachable = access == AccessKind.Write ? now.Native == NativeAccess.ReadWrite : now.Native != NativeAccess.None;
        if (isolation == IsolationMode.Fast && reachable && access != AccessKind.Execute
            && (came || faults.Answered(thread, address, before)))
        {
            return Answer.RunOn;
        }

        return abortPage.Access(thread, address.PageBase.Value, access);
    }

    private Answer GeneralProtection(TracedThread thread, ReadOnlySpan<byte> code)
    {
        Instruction instruction = InstructionAccess.Decode(code, thread.Peek().Rip);
        if (!thread.Processor.EnclaveMode)
        {
            if (thread.Space.CpuidFaults && instruction.Mnemonic == Mnemonic.Cpuid)
            {
                return cpuid.Execute(thread, instruction.Length);
            }

            return Answer.Deliver(Linux.Signal.SIGSEGV);
        }

        return exits.Raise(thread, InstructionAccess.IsIllegalInside(instruction) ? ExceptionVector.InvalidOpcode
            : ExceptionVector.GeneralProtection, 0, default);
    }
}
