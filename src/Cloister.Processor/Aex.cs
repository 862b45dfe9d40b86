using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Asynchronous enclave exit. SDM 3D, "Enclave Exiting Events".</summary>
public static class Aex
{
    // SDM 3D, "Processor State on AEX": these are cleared, the other flags stay.
    private const ulong ClearedFlags = Registers.CarryFlag | Registers.ParityFlag | Registers.AuxiliaryFlag | Registers.ZeroFlag
        | Registers.SignFlag | Registers.OverflowFlag | Registers.ResumeFlag;

    /// <summary>
    /// Takes an asynchronous exit: the thread's state goes to its state save area, its registers get the synthetic state and
    /// RIP the AEP. It does not fault: entry has seen to the state save area.
    /// </summary>
    /// <param name="machine">The machine.</param>
    /// <param name="processor">A processor inside an enclave; its RIP is where ERESUME shall go on.</param>
    /// <param name="memory">Its address space.</param>
    /// <param name="extendedState">Its extended state.</param>
    /// <param name="vector">The exception, or null for an interrupt.</param>
    /// <param name="errorCode">The exception's error code.</param>
    /// <param name="address">For #PF the address.</param>
    public static void Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState,
        ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(processor);
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(extendedState);
        if (!processor.EnclaveMode)
        {
            throw new InvalidOperationException("Only a thread that is inside can exit asynchronously.");
        }

        var operand = TcsOperand.Of(machine, processor.TcsPage);
        ref Tcs tcs = ref operand.Tcs;
        ref readonly Secs secs = ref operand.Secs;
        FramePages frame = processor.Frame;
        if (!frame.IsKnown && FrameSearch.Find(frame, machine, memory, operand, tcs.Cssa) is not null)
        {
            FrameSearch.FindInEpcm(frame, machine, operand, tcs.Cssa);
        }

        ref Gprsgx saved = ref GprsgxOf(machine, frame);
        Save(processor.Registers, ref saved);
        SaveExtended(machine, frame, extendedState, secs.Attributes.Xfrm);
        saved.Exitinfo = Describe(machine, frame, secs.Miscselect, vector, errorCode, address);

        (LinearAddress tcsAddress, LinearAddress aep) = (processor.Tcs, processor.Aep);
        (ulong ursp, ulong urbp) = (saved.Ursp, saved.Urbp);
        tcs.Cssa++;
        processor.ExitedAt = new LinearAddress(saved.Rip);
        processor.Leave(machine);
        extendedState.Initialize(secs.Attributes.Xfrm);
        SetSynthetic(processor.Registers, tcsAddress, aep, ursp, urbp);
        machine.Observer.AexTaken(processor, vector, errorCode, address);
    }

    /// <summary>
    /// The address of a page fault inside an enclave as the system is told it, in CR2: without the offset in the page.
    /// SDM 3D, "Processor State on AEX".
    /// </summary>
    public static LinearAddress AddressForSystem(LogicalProcessor processor, LinearAddress address)
    {
        ArgumentNullException.ThrowIfNull(processor);
        return processor.InElrange(address) ? address.PageBase : address;
    }

    /// <summary>
    /// The RSP and RBP that an asynchronous exit would give a thread that is inside: the host's of when it entered. SDM 3D, "GPRSGX
    /// Region", URSP and URBP.
    /// </summary>
    /// <param name="machine">The machine.</param>
    /// <param name="processor">A processor inside an enclave.</param>
    /// <returns>Zeros where its frame is not known, as behind an entry that it made by itself.</returns>
    public static (ulong Rsp, ulong Rbp) HostStackOf(SgxMachine machine, LogicalProcessor processor)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(processor);
        if (!processor.EnclaveMode || !processor.Frame.IsKnown)
        {
            return default;
        }

        ref readonly Gprsgx saved = ref GprsgxOf(machine, processor.Frame);
        return (saved.Ursp, saved.Urbp);
    }

    internal static ref Gprsgx GprsgxOf(SgxMachine machine, FramePages frame)
        => ref MemoryMarshal.AsRef<Gprsgx>(machine.Memory[frame.Gprsgx][^Gprsgx.SizeInBytes..]);

    private static void Save(Registers from, ref Gprsgx to)
    {
        (to.Rax, to.Rcx, to.Rdx, to.Rbx) = (from.Rax, from.Rcx, from.Rdx, from.Rbx);
        (to.Rsp, to.Rbp, to.Rsi, to.Rdi) = (from.Rsp, from.Rbp, from.Rsi, from.Rdi);
        (to.R8, to.R9, to.R10, to.R11) = (from.R8, from.R9, from.R10, from.R11);
        (to.R12, to.R13, to.R14, to.R15) = (from.R12, from.R13, from.R14, from.R15);

        // SDM 3D, "AEX Operational Detail": TF is saved as 0.
        to.Rflags = from.Rflags & ~Registers.TrapFlag;
        (to.Rip, to.Fsbase, to.Gsbase) = (from.Rip, from.FsBase, from.GsBase);
    }

    private static void SaveExtended(SgxMachine machine, FramePages frame, IExtendedState extendedState, ulong xfrm)
    {
        int size = machine.Options.Xsave.SizeOf(xfrm);
        if (frame.Xsave.Count == 1)
        {
            Span<byte> area = machine.Memory[frame.Xsave[0]][..size];
            extendedState.Save(area, xfrm);
            ClearHeader(area);
            return;
        }

        byte[] buffer = new byte[size];
        extendedState.Save(buffer, xfrm);
        ClearHeader(buffer);
        for (int index = 0, offset = 0; offset < size; index++, offset += LinearAddress.PageSize)
        {
            buffer.AsSpan(offset, Math.Min(LinearAddress.PageSize, size - offset)).CopyTo(machine.Memory[frame.Xsave[index]]);
        }
    }

    // SDM 3D, "AEX Operational Detail": bytes 8 to 23 of the XSAVE header become 0.
    private static void ClearHeader(Span<byte> area) => area.Slice(XsaveLayout.HeaderOffset + 8, 16).Clear();

    private static Exitinfo Describe(SgxMachine machine, FramePages frame, Miscselect miscselect, ExceptionVector? vector, uint errorCode,
        LinearAddress address)
    {
        // SDM 3D, "EXITINFO": which exceptions an enclave is told of.
        switch (vector)
        {
            case ExceptionVector.DivideError or ExceptionVector.Debug or ExceptionVector.BoundRange or ExceptionVector.InvalidOpcode
                or ExceptionVector.X87FloatingPoint or ExceptionVector.AlignmentCheck or ExceptionVector.SimdFloatingPoint:
                return new Exitinfo(vector.Value, Exitinfo.HardwareException);
            case ExceptionVector.Breakpoint:
                return new Exitinfo(vector.Value, Exitinfo.SoftwareException);
            case ExceptionVector.PageFault or ExceptionVector.GeneralProtection when miscselect.HasFlag(Miscselect.Exinfo):
            case ExceptionVector.ControlProtection when miscselect.HasFlag(Miscselect.Cpinfo):
                Span<byte> page = machine.Memory[frame.Gprsgx];
                MemoryMarshal.AsRef<Exinfo>(page[^(Gprsgx.SizeInBytes + Exinfo.SizeInBytes)..]) = new Exinfo
                {
                    Maddr = vector == ExceptionVector.PageFault ? address.Value : 0,
                    Errcd = errorCode,
                };
                return new Exitinfo(vector.Value, Exitinfo.HardwareException);
            default:
                return default;
        }
    }

    private static void SetSynthetic(Registers registers, LinearAddress tcs, LinearAddress aep, ulong ursp, ulong urbp)
    {
        // SDM 3D, "Processor State on AEX".
        (registers.Rax, registers.Rbx, registers.Rcx) = ((ulong)EncluLeaf.Eresume, tcs.Value, aep.Value);
        (registers.Rdx, registers.Rsi, registers.Rdi) = (0, 0, 0);
        (registers.R8, registers.R9, registers.R10, registers.R11) = (0, 0, 0, 0);
        (registers.R12, registers.R13, registers.R14, registers.R15) = (0, 0, 0, 0);
        (registers.Rsp, registers.Rbp, registers.Rip) = (ursp, urbp, aep.Value);
        registers.Rflags &= ~ClearedFlags;
    }
}
