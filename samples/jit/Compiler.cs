using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace JitSample;

/// <summary>
/// The code of the enclave: a compiler of some fifty instructions. It translates steps into machine code in a page that it may write,
/// and takes that page over into a new one for reading and executing (EACCEPTCOPY). The new page was never writable to anyone.
/// </summary>
internal static class Compiler
{
    /// <summary>The most steps that fit a page: each is at most 7 bytes, and what is around them 5.</summary>
    public const int MostSteps = (4096 - 5) / 7;

    /// <summary>The answer to a program of more than <see cref="MostSteps"/>: no error code of SGX.</summary>
    public const ulong TooLong = 0x1000;

    private const int Eexit = 4, Eacceptcopy = 7;

    /// <summary>Assembles it. It is position independent, and its entry is its first byte.</summary>
    public static byte[] Assemble()
    {
        var a = new Assembler(64);
        Label compile = a.CreateLabel(), run = a.CreateLabel(), leave = a.CreateLabel();

        // SDM 3D, EENTER: RBX = the TCS, RCX = behind the EENTER. The rest is as the host left it.
        a.mov(r10, rcx);
        a.lea(r11, __[rbx + (int)(Layout.ThreadsOwn - Layout.Thread)]);
        a.lea(r9, __[rbx + ((int)Layout.Staging - (int)Layout.Thread)]);
        a.cmp(rdi, (int)Request.Compile);
        a.je(compile);
        a.cmp(rdi, (int)Request.Run);
        a.je(run);
        a.mov(__qword_ptr[r8], 0);

        a.Label(ref run);
        Label back = a.CreateLabel();
        a.lea(rdx, __[back]);
        a.jmp(r8);
        a.Label(ref back);
        a.mov(rdx, rax);
        a.jmp(leave);

        a.Label(ref compile);
        Compile(a, leave);

        // SDM 3D, EEXIT: RBX = where to. Nothing but the answer leaves in the registers.
        a.Label(ref leave);
        a.mov(rbx, r10);
        foreach (AssemblerRegister32 register in (AssemblerRegister32[])[ecx, esi, edi, r8d, r9d, r10d, r11d])
        {
            a.xor(register, register);
        }

        a.mov(eax, Eexit);
        Enclu(a);

        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    // RSI goes over the steps, RDI over the code, RDX counts down.
    private static void Compile(Assembler a, Label leave)
    {
        Label fits = a.CreateLabel(), next = a.CreateLabel(), emitted = a.CreateLabel(), multiply = a.CreateLabel(), xor = a.CreateLabel(), constant = a.CreateLabel();
        a.cmp(rdx, MostSteps);
        a.jbe(fits);
        a.mov(edx, (int)TooLong);
        a.jmp(leave);

        // mov rax, rsi
        a.Label(ref fits);
        a.mov(rdi, r9);
        a.mov(__dword_ptr[rdi], 0x00f08948);
        a.add(rdi, 3);

        a.Label(ref next);
        a.test(rdx, rdx);
        a.jz(emitted);
        a.mov(eax, __dword_ptr[rsi]);
        a.mov(ecx, __dword_ptr[rsi + 4]);
        a.add(rsi, 8);
        a.dec(rdx);
        a.cmp(eax, (int)Operation.Multiply);
        a.je(multiply);
        a.ja(xor);

        // add rax, CONSTANT
        a.mov(__word_ptr[rdi], 0x0548);
        a.add(rdi, 2);
        a.jmp(constant);

        // imul rax, rax, CONSTANT
        a.Label(ref multiply);
        a.mov(__dword_ptr[rdi], 0x00c06948);
        a.add(rdi, 3);
        a.jmp(constant);

        // xor rax, CONSTANT
        a.Label(ref xor);
        a.mov(__word_ptr[rdi], 0x3548);
        a.add(rdi, 2);

        a.Label(ref constant);
        a.mov(__dword_ptr[rdi], ecx);
        a.add(rdi, 4);
        a.jmp(next);

        // jmp rdx
        a.Label(ref emitted);
        a.mov(__word_ptr[rdi], unchecked((short)0xe2ff));

        // SDM 3D, EACCEPTCOPY: RBX = a SECINFO, RCX = the new page, RDX = the page to copy. The page is not there yet: the first
        // EACCEPTCOPY faults, the kernel adds it (EAUG), and the second succeeds.
        a.mov(__qword_ptr[r11], (int)Program.CodePage);
        a.mov(rbx, r11);
        a.mov(rcx, r8);
        a.mov(rdx, r9);
        a.mov(eax, Eacceptcopy);
        Enclu(a);
        a.mov(edx, eax);
    }

    private static void Enclu(Assembler a) => a.db(0x0f, 0x01, 0xd7);
}
