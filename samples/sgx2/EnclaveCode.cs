using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Sgx2Sample;

/// <summary>The code of the enclave: assembled here, measured, and run inside.</summary>
/// <remarks>It trusts what the host tells it, which keeps it short; an enclave with a secret must not.</remarks>
internal static class EnclaveCode
{
    private const uint Eexit = 4, Eaccept = 5, Emodpe = 6;
    private const int PageSize = 4096;

    /// <summary>Assembles it. It is position independent, and its entry is its first byte.</summary>
    public static byte[] Assemble()
    {
        var a = new Assembler(64);
        Label add = a.CreateLabel(), read = a.CreateLabel(), accept = a.CreateLabel(), extend = a.CreateLabel(), makeThread = a.CreateLabel(), sum = a.CreateLabel(), leave = a.CreateLabel();

        // SDM 3D, EENTER: RAX = CSSA, RBX = the TCS, RCX = behind the EENTER. The rest is as the host left it.
        // The page behind the TCS is this thread's own. A SECINFO lies in it, one for each level of exceptions.
        a.mov(r10, rcx);
        a.shl(eax, 6);
        a.lea(r11, __[rbx + rax + PageSize]);
        a.cmp(rdi, (int)Request.Add);
        a.je(add);
        a.cmp(rdi, (int)Request.Read);
        a.je(read);
        a.cmp(rdi, (int)Request.Accept);
        a.je(accept);
        a.cmp(rdi, (int)Request.Extend);
        a.je(extend);
        a.cmp(rdi, (int)Request.MakeThread);
        a.je(makeThread);
        a.cmp(rdi, (int)Request.Sum);
        a.je(sum);
        a.ud2();

        a.Label(ref add);
        a.add(__qword_ptr[rsi], rdx);
        a.Label(ref read);
        a.mov(rdx, __qword_ptr[rsi]);
        a.jmp(leave);

        a.Label(ref accept);
        Label next = a.CreateLabel(), refused = a.CreateLabel();
        a.mov(r9, rdx);
        a.mov(__qword_ptr[r11], r8);
        a.mov(rbx, r11);
        a.Label(ref next);
        a.mov(eax, Eaccept);
        a.mov(rcx, rsi);
        Enclu(a);
        a.test(eax, eax);
        a.jnz(refused);
        a.add(rsi, PageSize);
        a.dec(r9);
        a.jnz(next);
        a.Label(ref refused);
        a.mov(edx, eax);
        a.jmp(leave);

        a.Label(ref extend);
        a.mov(__qword_ptr[r11], r8);
        a.mov(rbx, r11);
        a.mov(rcx, rsi);
        a.mov(eax, Emodpe);
        Enclu(a);
        a.xor(edx, edx);
        a.jmp(leave);

        // SDM 3D, TCS: OSSA at 16, NSSA at 28, FSLIMIT and GSLIMIT at 64. The page is new and full of zeros.
        a.Label(ref makeThread);
        a.mov(__qword_ptr[rsi + 16], rdx);
        a.mov(__dword_ptr[rsi + 28], Layout.Frames);
        a.mov(__dword_ptr[rsi + 64], -1);
        a.mov(__dword_ptr[rsi + 68], -1);
        a.xor(edx, edx);

        // A call with buffers: RSI and RDX are the input, R8 and R9 the output; RDX leaves as the length of the answer.
        a.jmp(leave);
        Label more = a.CreateLabel();
        a.Label(ref sum);
        a.xor(eax, eax);
        a.Label(ref more);
        a.sub(rdx, sizeof(long));
        a.add(rax, __qword_ptr[rsi + rdx]);
        a.test(rdx, rdx);
        a.jnz(more);
        a.mov(__qword_ptr[r8], rax);
        a.mov(edx, sizeof(long));

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

    private static void Enclu(Assembler a) => a.db(0x0f, 0x01, 0xd7);
}
