using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>
/// ENCLU[ERESUME]: goes on where an asynchronous exit happened, or, when the thread has asked to be told of it (AEX-Notify),
/// enters at the entry point. SDM 3D, ERESUME, in 64-bit mode.
/// </summary>
public static class Eresume
{
    /// <summary>
    /// The flags that come from GPRSGX: CF, PF, AF, ZF, SF, DF, OF, NT, RF, AC, ID. IOPL is 0, so IF stays. SDM 3D, ERESUME.
    /// </summary>
    public const ulong RestoredFlags = Registers.CarryFlag | Registers.ParityFlag | Registers.AuxiliaryFlag | Registers.ZeroFlag
        | Registers.SignFlag | Registers.DirectionFlag | Registers.OverflowFlag | (1UL << 14) | Registers.ResumeFlag
        | (1UL << 18) | (1UL << 21);

    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Eresume) is { } refusal)
        {
            return refusal;
        }

        ArgumentNullException.ThrowIfNull(extendedState);
        var address = new LinearAddress(processor.Registers.Rbx);
        LeafResult result = Run(machine, processor, memory, extendedState);
        if (!result.IsSuccess)
        {
            processor.Frame.Forget();
        }

        return LeafSteps.Tell(machine, processor, EncluLeaf.Eresume, address, result);
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (TcsOperand.Find(machine, processor.Registers, memory, out TcsOperand operand) is { } refusal)
        {
            return refusal;
        }

        // SDM 3D, ERESUME: a frame must be in use.
        ref readonly Tcs tcs = ref operand.Tcs;
        if (tcs.Cssa == 0)
        {
            return machine.Refuse(LeafRule.FrameUsed, tcs.Cssa);
        }

        // SDM 3D, ERESUME: the pages of that frame.
        FramePages frame = processor.Frame;
        if (FrameSearch.Find(frame, machine, memory, operand, tcs.Cssa - 1) is { } fault)
        {
            return LeafResult.Of(fault);
        }

        // SDM 3D, ERESUME: TMP_NOTIFY.
        bool notify = tcs.Flags.HasFlag(TcsFlags.AexNotify) && (Aex.GprsgxOf(machine, frame).AexNotify & 1) != 0;
        return notify
            ? Notify(machine, processor, memory, operand)
            : GoOn(machine, processor, extendedState, operand);
    }

    private static LeafResult Notify(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, in TcsOperand operand)
    {
        // SDM 3D, ERESUME: one more frame must be free, and its pages there.
        ref readonly Tcs tcs = ref operand.Tcs;
        if (tcs.Cssa >= tcs.Nssa)
        {
            return machine.Refuse(LeafRule.FrameFree, tcs.Cssa, tcs.Nssa);
        }

        if (FrameSearch.Find(processor.Frame, machine, memory, operand, tcs.Cssa) is { } fault)
        {
            return LeafResult.Of(fault);
        }

        if (Eenter.Target(operand) is not { } target)
        {
            return machine.Refuse(tcs.State == LogicalProcessor.TcsActive ? LeafRule.TcsFree : LeafRule.TargetCanonical);
        }

        Eenter.Begin(machine, processor, operand, target);
        return LeafResult.Success;
    }

    private static LeafResult GoOn(SgxMachine machine, LogicalProcessor processor, IExtendedState extendedState, in TcsOperand operand)
    {
        ref Tcs tcs = ref operand.Tcs;
        Gprsgx saved = Aex.GprsgxOf(machine, processor.Frame);

        // SDM 3D, ERESUME: RIP, FS and GS are canonical; TCS.STATE is not active.
        bool legal = new LinearAddress(saved.Rip).IsCanonical && new LinearAddress(saved.Fsbase).IsCanonical
            && new LinearAddress(saved.Gsbase).IsCanonical && tcs.State != LogicalProcessor.TcsActive;

        // SDM 3D, ERESUME: XRSTOR fails.
        if (!legal || !Restore(machine, processor.Frame, extendedState, operand.Secs.Attributes.Xfrm))
        {
            return machine.Refuse(legal ? LeafRule.FrameExtendedState : tcs.State == LogicalProcessor.TcsActive ? LeafRule.TcsFree
                : LeafRule.FrameCanonical, saved.Rip);
        }

        Registers registers = processor.Registers;
        operand.Enter(machine, processor, new LinearAddress(registers.Rbx), new LinearAddress(registers.Rcx));
        tcs.Cssa--;
        Load(registers, saved);
        return LeafResult.Success;
    }

    private static bool Restore(SgxMachine machine, FramePages frame, IExtendedState extendedState, ulong xfrm)
    {
        int size = machine.Options.Xsave.SizeOf(xfrm);
        ReadOnlySpan<byte> area;
        if (frame.Xsave.Count == 1)
        {
            area = machine.Memory[frame.Xsave[0]][..size];
        }
        else
        {
            byte[] buffer = new byte[size];
            for (int index = 0, offset = 0; offset < size; index++, offset += LinearAddress.PageSize)
            {
                machine.Memory[frame.Xsave[index]][..Math.Min(LinearAddress.PageSize, size - offset)].CopyTo(buffer.AsSpan(offset));
            }

            area = buffer;
        }

        // SDM 3D, ERESUME: bytes 520 to 535 are 0, and XSTATE_BV is a subset of XFRM.
        ReadOnlySpan<byte> header = area[XsaveLayout.HeaderOffset..];
        ulong xstateBv = BinaryPrimitives.ReadUInt64LittleEndian(header);
        return Zero.Is(header.Slice(8, 16)) && (xstateBv & ~xfrm) == 0 && extendedState.Restore(area, xfrm);
    }

    private static void Load(Registers to, in Gprsgx from)
    {
        (to.Rax, to.Rcx, to.Rdx, to.Rbx) = (from.Rax, from.Rcx, from.Rdx, from.Rbx);
        (to.Rsp, to.Rbp, to.Rsi, to.Rdi) = (from.Rsp, from.Rbp, from.Rsi, from.Rdi);
        (to.R8, to.R9, to.R10, to.R11) = (from.R8, from.R9, from.R10, from.R11);
        (to.R12, to.R13, to.R14, to.R15) = (from.R12, from.R13, from.R14, from.R15);
        (to.Rip, to.FsBase, to.GsBase) = (from.Rip, from.Fsbase, from.Gsbase);
        to.Rflags = (to.Rflags & ~RestoredFlags) | (from.Rflags & RestoredFlags);
    }
}
