using Cloister.Architecture;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Enclaves;

/// <summary>ENCLU where a thread stopped at it, in host or enclave.</summary>
internal sealed class EncluStops(
    SgxMachine machine, EngineOptions options, PlannedLosses losses, PageFaults faults, SignalDelivery signals, AsynchronousExits exits,
    Accepts accepts,
    FastSpaces spaces, SitePatcher patcher, StepInterrupts steps)
{
    /// <summary>Executes ENCLU until the thread can run on by itself.</summary>
    public Answer Execute(TracedThread thread)
    {
        AddressSpace space = thread.Space;
        if (spaces.Of(space) is { } fast && fast.Stubs.SiteOf(thread.Peek().Rip) is var site && site != thread.Peek().Rip)
        {
            thread.Registers.Rip = site;
        }

        if (options.Mode == EngineMode.Fast && !steps.IsAsked)
        {
            PrepareFast(thread);
        }

        if ((EncluLeaf)(uint)thread.Peek().Rax == EncluLeaf.Eenter && !thread.Processor.EnclaveMode)
        {
            losses.CountEntry();
        }

        thread.ToModel();
        bool added = false, wasInside = thread.Processor.EnclaveMode;
        bool trapFlag = spaces.Of(thread) is not null && (thread.Peek().Rflags & Registers.TrapFlag) != 0;
        while (true)
        {
            LogicalProcessor processor = thread.Processor;
            EncluLeaf leaf = (EncluLeaf)(uint)processor.Registers.Rax;
            ulong operand = processor.Registers.Rcx;
            LeafResult result = EncluInstruction.Dispatch(machine, processor, space, thread);
            if (result.Status != LeafStatus.Fault)
            {
                NoteEpcmChange(space, leaf, operand, processor.Registers.Rdx, result);
                if (added && leaf == EncluLeaf.Eaccept && result.IsSuccess)
                {
                    accepts.Promise(thread, HostPage.Start(operand));
                }

                thread.FromModel();
                if (trapFlag && processor.EnclaveMode)
                {
                    // The exit must bring TF back, which a fast one does not: without a selector the thread exits by the tracer.
                    thread.Registers.Es = 0;
                }

                return steps.IsAsked && wasInside && processor.EnclaveMode && steps.Executed(thread) ? steps.Interrupt(thread)
                    : ResumeAfterInstruction(thread);
            }

            Fault fault = result.Fault;
            if (processor.EnclaveMode)
            {
                thread.FromModel();
                added = fault.Address.Value == operand;
                if (exits.Resolve(thread, fault) is { } raised)
                {
                    return raised;
                }

                if (!processor.EnclaveMode || !exits.IsEnclu(thread))
                {
                    return Answer.RunOn;
                }

                thread.ToModel();
                continue;
            }

            // EENTER or ERESUME faulted: the fault is the host's, at the instruction.
            thread.FromModel();
            if (fault.Vector != ExceptionVector.PageFault || !faults.Resolve(thread, fault))
            {
                return signals.Raise(thread, fault.Vector, fault.ErrorCode, fault.Address, AsynchronousExits.IsUnmapped(space, fault));
            }
        }
    }

    // The first slow EENTER of a thread gives it a slot, the first at a site puts a jump there. Not so an ERESUME's
    // own site: the stub uses the host's stack, where enclaves that resume so (behind code at AEP) keep what they
    // hand to the host, below RSP.
    private void PrepareFast(TracedThread thread)
    {
        AddressSpace space = thread.Space;
        ulong rip = thread.Peek().Rip;
        var leaf = (EncluLeaf)(uint)thread.Peek().Rax;
        if (leaf is EncluLeaf.Eexit or EncluLeaf.Eaccept && thread.Processor.EnclaveMode)
        {
            if (machine.Injects(leaf))
            {
                return;
            }

            patcher.Patch(thread, rip, inEnclave: true);
            if (leaf == EncluLeaf.Eaccept)
            {
                accepts.Prepare(thread);
            }

            return;
        }

        if (leaf != EncluLeaf.Eenter || thread.Processor.EnclaveMode || space.Table is null || losses.CountsEntries)
        {
            return;
        }

        if (spaces.Make(thread) is { } fast && fast.Assign(thread) && rip != space.Vdso?.Enclu)
        {
            patcher.Patch(thread, rip, inEnclave: false);
        }
    }

    /// <summary>Resumes after an instruction that was executed for the thread: it ends in #DB when TF is set, as one
    /// that it executes itself.</summary>
    public Answer ResumeAfterInstruction(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        if ((r.Rflags & Registers.TrapFlag) == 0 || thread.Processor.EnclaveMode)
        {
            return Answer.RunOn;
        }

        var information = new SignalInformation { Signal = Linux.Signal.SIGTRAP, Code = SignalInformation.TrapTrace, Address = r.Rip };
        return signals.Deliver(thread, new ProgramSignal(Linux.Signal.SIGTRAP, information, (ulong)ExceptionVector.Debug, 0, null));
    }

    // EACCEPT, EACCEPTCOPY and EMODPE change the entry of the page in RCX.
    private void NoteEpcmChange(AddressSpace space, EncluLeaf leaf, ulong operand, ulong source, in LeafResult result)
    {
        if (result.IsSuccess && leaf is EncluLeaf.Eaccept or EncluLeaf.Eacceptcopy or EncluLeaf.Emodpe
            && space.Mappings.Find(HostPage.Start(operand)) is { } mapping)
        {
            ulong offset = mapping.OffsetOf(HostPage.Start(operand));
            if (leaf == EncluLeaf.Eacceptcopy && !mapping.File.IllegalSites.IsEmpty)
            {
                mapping.File.IllegalSites.Restore(mapping.File.Bytes(offset), source);
            }

            if (leaf == EncluLeaf.Eacceptcopy && !mapping.File.Planted.IsEmpty)
            {
                mapping.File.Planted.Restore(mapping.File.Bytes(offset), source);
            }

            spaces.Awaited.Update(machine, mapping.File, space.Pages.Peek(operand).Page, offset);
            foreach (IFileView other in mapping.File.Views)
            {
                other.Refresh(mapping.File, offset, 1);
            }
        }
    }
}
