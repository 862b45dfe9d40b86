using Cloister.Engine.Platforms;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Stubs;

/// <summary>The code that ends an entry, one piece for each entry of the table: the last registers come back and the
/// enclave runs.</summary>
/// <remarks>No register is free to jump by, so the targets lie where the code of this one entry finds them.</remarks>
internal static class Tail
{
    private const int RedZone = 128;

    /// <summary>Offset of the address that an EENTER goes to: behind three pops, LEA and JMP.</summary>
    public const int Target = 3 + 8 + 6;

    /// <summary>Assembles the tail of the entry at an index.</summary>
    public static byte[] Assemble(int index)
    {
        ulong address = Area.Fast + FastLayout.Tails + (ulong)index * FastLayout.TailLength;
        ulong entry = Area.Fast + FastLayout.Table + (ulong)index * FastLayout.EntryLength;
        byte[] code = new byte[FastLayout.TailLength];
        var a = new Assembler(64);
        a.pop(rsi);
        a.pop(rdx);
        a.popfq();
        a.lea(rsp, __qword_ptr[rsp + RedZone]);
        a.AddInstruction(Instruction.Create(Code.Jmp_rm64, At(address + Target)));
        Write(a, address, code);

        // GPRSGX in its order; what is popped where RSP stands goes to RBP first.
        a = new Assembler(64);
        foreach (AssemblerRegister64 register in (AssemblerRegister64[])[rax, rcx, rdx, rbx, rbp, rbp, rsi, rdi, r8, r9, r10, r11, r12,
            r13, r14, r15])
        {
            a.pop(register);
        }

        a.popfq();
        a.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, Register.RSP, At(entry + FastLayout.EntryResumeRsp)));
        a.AddInstruction(Instruction.Create(Code.Jmp_rm64, At(entry + FastLayout.EntryResumeRip)));
        Write(a, address + FastLayout.ResumeTail, code.AsSpan(FastLayout.ResumeTail));
        return code;
    }

    private static MemoryOperand At(ulong address) => new(Register.RIP, (long)address);

    private static void Write(Assembler a, ulong address, Span<byte> to)
    {
        using var stream = new MemoryStream();
        _ = a.Assemble(new StreamCodeWriter(stream), address);
        stream.ToArray().CopyTo(to);
    }
}
