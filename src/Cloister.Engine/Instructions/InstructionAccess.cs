using Cloister.Linux;
using Cloister.Processor;
using Iced.Intel;

namespace Cloister.Engine.Instructions;

/// <summary>What a faulting instruction was doing: ptrace tells the address of a page fault and not its error code.</summary>
internal static class InstructionAccess
{
    /// <summary>The longest instruction. SDM 2, "Instruction Format".</summary>
    public const int MaximumLength = 15;

    [ThreadStatic]
    private static InstructionInfoFactory? _factory;

    /// <summary>The kind of access at <paramref name="address"/> by the instruction whose bytes are given (as many as
    /// can be read).</summary>
    public static AccessKind KindOf(ReadOnlySpan<byte> code, in UserRegisters registers, ulong address)
    {
        if (address == registers.Rip || code.Length == 0)
        {
            return AccessKind.Execute;
        }

        Instruction instruction = Decode(code, registers.Rip);
        if (instruction.IsInvalid)
        {
            // The rest of the instruction lies on the page that is missing.
            return address - registers.Rip < MaximumLength ? AccessKind.Execute : AccessKind.Read;
        }

        var values = new RegisterValues(registers);
        InstructionInfoFactory factory = _factory ??= new InstructionInfoFactory();
        bool writes = false, matched = false;
        foreach (UsedMemory memory in factory.GetInfo(instruction).GetUsedMemory())
        {
            bool write = memory.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            if (memory.TryGetVirtualAddress(0, out ulong start, values.Get))
            {
                ulong size = (ulong)Math.Max(1, memory.MemorySize.GetSize());
                if (address >= start && address - start < size)
                {
                    if (write)
                    {
                        return AccessKind.Write;
                    }

                    matched = true;
                }
            }

            writes |= write;
        }

        // No operand is there, but the end of the instruction is: its second page may be there to be read, and not to be executed.
        if (!matched && address - registers.Rip < (ulong)instruction.Length)
        {
            return AccessKind.Execute;
        }

        return writes && !matched ? AccessKind.Write : AccessKind.Read;
    }

    /// <summary>Whether the instruction looks for pending x87 exceptions before it does anything: WAIT, x87 and MMX
    /// instructions. SDM 3A, "Interrupt 16".</summary>
    public static bool WaitsForX87(ReadOnlySpan<byte> code)
    {
        Instruction instruction = Decode(code, 0);
        foreach (CpuidFeature feature in instruction.Code.CpuidFeatures())
        {
            if (feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX or CpuidFeature.D3NOW
                or CpuidFeature.D3NOWEXT)
            {
                return true;
            }
        }

        // Conversions between MMX and XMM registers, and SSE's instructions on MMX registers.
        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Register && instruction.GetOpRegister(operand).IsMM())
            {
                return true;
            }
        }

        return instruction.Mnemonic == Mnemonic.Wait;
    }

    /// <summary>Decodes one instruction.</summary>
    public static Instruction Decode(ReadOnlySpan<byte> code, ulong rip)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code.ToArray()), rip);
        return decoder.Decode();
    }

    /// <summary>Whether the instruction is one of those that raise #UD inside an enclave. SDM 3D, "Illegal Instructions".</summary>
    public static bool IsIllegalInside(in Instruction instruction) => instruction.Mnemonic
        is Mnemonic.Cpuid or Mnemonic.Getsec or Mnemonic.Rdpmc or Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str
        or Mnemonic.Vmcall or Mnemonic.Vmfunc or Mnemonic.In or Mnemonic.Insb or Mnemonic.Insd or Mnemonic.Insw
        or Mnemonic.Out or Mnemonic.Outsb or Mnemonic.Outsd or Mnemonic.Outsw
        or Mnemonic.Int or Mnemonic.Into or Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq
        or Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lss or Mnemonic.Syscall or Mnemonic.Sysenter or Mnemonic.Smsw
        || instruction.Code is Code.Call_m1616 or Code.Call_m1632 or Code.Call_m1664 or Code.Jmp_m1616 or Code.Jmp_m1632 or Code.Jmp_m1664
        or Code.Retfd or Code.Retfq or Code.Retfw or Code.Retfd_imm16 or Code.Retfq_imm16 or Code.Retfw_imm16 or Code.Mov_Sreg_r32m16
        or Code.Mov_Sreg_r64m16 or Code.Mov_Sreg_rm16
        or Code.Popq_FS or Code.Popq_GS or Code.Popw_FS or Code.Popw_GS;

    private sealed class RegisterValues(UserRegisters u)
    {
        public bool Get(Register register, int elementIndex, int elementSize, out ulong value)
        {
            value = register switch
            {
                Register.FS => u.FsBase,
                Register.GS => u.GsBase,
                Register.CS or Register.DS or Register.ES or Register.SS => 0,
                _ => register.GetFullRegister() switch
                {
                    Register.RAX => u.Rax,
                    Register.RBX => u.Rbx,
                    Register.RCX => u.Rcx,
                    Register.RDX => u.Rdx,
                    Register.RSI => u.Rsi,
                    Register.RDI => u.Rdi,
                    Register.RBP => u.Rbp,
                    Register.RSP => u.Rsp,
                    Register.R8 => u.R8,
                    Register.R9 => u.R9,
                    Register.R10 => u.R10,
                    Register.R11 => u.R11,
                    Register.R12 => u.R12,
                    Register.R13 => u.R13,
                    Register.R14 => u.R14,
                    Register.R15 => u.R15,
                    Register.RIP => u.Rip,
                    _ => 0,
                },
            };
            if (register.IsGPR32())
            {
                value = (uint)value;
            }

            return !register.IsVectorRegister();
        }
    }
}
