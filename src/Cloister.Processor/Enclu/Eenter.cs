using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>
/// ENCLU[EENTER]: enters an enclave. SDM 3D, EENTER, in 64-bit mode. RBX is the TCS and RCX the AEP.
/// A single-step #DB that an opt-in entry leaves pending is the caller's: RFLAGS.TF stays set.
/// </summary>
public static class Eenter
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Eenter) is { } refusal)
        {
            return refusal;
        }

        var address = new LinearAddress(processor.Registers.Rbx);
        return LeafSteps.Tell(machine, processor, EncluLeaf.Eenter, address, Run(machine, processor, memory));
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory)
    {
        Registers registers = processor.Registers;
        if (TcsOperand.Find(machine, registers, memory, out TcsOperand operand) is { } refusal)
        {
            return refusal;
        }

        // SDM 3D, EENTER: one more frame must be free.
        ref readonly Tcs tcs = ref operand.Tcs;
        if (tcs.Cssa >= tcs.Nssa)
        {
            return machine.Refuse(LeafRule.FrameFree, tcs.Cssa, tcs.Nssa);
        }

        // SDM 3D, EENTER: the pages of the frame.
        if (FrameSearch.Find(processor.Frame, machine, memory, operand, tcs.Cssa) is { } fault)
        {
            processor.Frame.Forget();
            return LeafResult.Of(fault);
        }

        if (Target(operand) is not { } target)
        {
            processor.Frame.Forget();
            return machine.Refuse(tcs.State == LogicalProcessor.TcsActive ? LeafRule.TcsFree : LeafRule.TargetCanonical);
        }

        Begin(machine, processor, operand, target);
        return LeafResult.Success;
    }

    /// <summary>Where an entry goes and its segment bases, or null when the TCS is not legal or a thread is in it.</summary>
    internal static (LinearAddress Rip, LinearAddress Fs, LinearAddress Gs)? Target(in TcsOperand operand)
    {
        ref readonly Tcs tcs = ref operand.Tcs;
        // SDM 3D, EENTER: OENTRY, OFSBASE and OGSBASE are canonical; TCS.STATE is not active.
        var origin = new LinearAddress(operand.Secs.BaseAddr);
        (LinearAddress rip, LinearAddress fs, LinearAddress gs) = (origin + tcs.Oentry, origin + tcs.Ofsbase, origin + tcs.Ogsbase);
        bool legal = rip.IsCanonical && fs.IsCanonical && gs.IsCanonical && tcs.State != LogicalProcessor.TcsActive;
        return legal ? (rip, fs, gs) : null;
    }

    /// <summary>What cannot fail any more: also of ERESUME when it tells the enclave of an asynchronous exit.</summary>
    internal static void Begin(SgxMachine machine, LogicalProcessor processor, in TcsOperand operand,
        (LinearAddress Rip, LinearAddress Fs, LinearAddress Gs) target)
    {
        Registers registers = processor.Registers;
        operand.Enter(machine, processor, new LinearAddress(registers.Rbx), new LinearAddress(registers.Rcx));
        registers.Rcx = registers.Rip + EncluInstruction.Length;
        registers.Rip = target.Rip.Value;
        registers.Rax = operand.Tcs.Cssa;
        ref Gprsgx frame = ref Aex.GprsgxOf(machine, processor.Frame);
        (frame.Ursp, frame.Urbp) = (registers.Rsp, registers.Rbp);
        (registers.FsBase, registers.GsBase) = (target.Fs.Value, target.Gs.Value);
    }
}
