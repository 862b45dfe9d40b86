using Cloister.Engine.Stubs;
using Cloister.Processor.Enclu;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Vdso;

/// <summary>The code of <c>__vdso_sgx_enter_enclave</c>.</summary>
/// <remarks>Its contract is that of uapi asm/sgx.h (struct sgx_enclave_run, sgx_enclave_user_handler_t).</remarks>
internal static class EnterEnclaveFunction
{
    /// <summary>Emits it.</summary>
    /// <param name="a">Where to.</param>
    /// <param name="stub">Its fast path, if it has one.</param>
    /// <param name="enclu">Its one ENCLU.</param>
    /// <param name="exception">Where an exception at that goes on.</param>
    // The stack frame: [rbp] caller's RBP, [rbp-8] caller's RBX, [rbp+16] the struct sgx_enclave_run.
    public static void Emit(Assembler a, EnterStub? stub, ref Label enclu, ref Label exception)
    {
        const int run = 16, function = 8, vector = 12, errorCode = 14, address = 16, handler = 24, reserved = 40, end = 256;
        const int eenter = 2, eresume = 3, eexit = 4, invalid = -22;
        Label again = a.CreateLabel(), check = a.CreateLabel(), refuse = a.CreateLabel(), done = a.CreateLabel(), leave = a.CreateLabel(),
            call = a.CreateLabel(), after = a.CreateLabel();
        a.push(rbp);
        a.mov(rbp, rsp);
        a.push(rbx);
        a.mov(eax, ecx);
        a.Label(ref again);
        a.cmp(eax, eenter);
        a.jb(refuse);
        a.cmp(eax, eresume);
        a.ja(refuse);
        a.mov(rcx, __qword_ptr[rbp + run]);
        a.mov(ebx, reserved);
        a.Label(ref check);
        a.cmp(__qword_ptr[rcx + rbx], 0);
        a.jne(refuse);
        a.add(ebx, 8);
        a.cmp(ebx, end);
        a.jne(check);
        a.mov(rbx, __qword_ptr[rcx]);
        a.lea(rcx, __qword_ptr[enclu]);
        if (stub is null)
        {
            a.Label(ref enclu);
            a.db(EncluInstruction.Opcode.ToArray());
        }
        else
        {
            Label start = a.CreateLabel();
            stub.Emit(a, s => s.lea(rcx, __qword_ptr[after]), ref start, ref enclu);
        }

        a.Label(ref after);
        a.mov(rbx, __qword_ptr[rbp + run]);
        a.mov(__dword_ptr[rbx + function], eexit);
        a.Label(ref done);
        a.cmp(__qword_ptr[rbx + handler], 0);
        a.jne(call);
        a.xor(eax, eax);
        a.Label(ref leave);
        a.pop(rbx);
        a.leave();
        a.ret();
        a.Label(ref refuse);
        a.mov(eax, invalid);
        a.jmp(leave);
        a.Label(ref exception);
        a.mov(rbx, __qword_ptr[rbp + run]);
        a.mov(__dword_ptr[rbx + function], eax);
        a.mov(__word_ptr[rbx + vector], di);
        a.mov(__word_ptr[rbx + errorCode], si);
        a.mov(__qword_ptr[rbx + address], rdx);
        a.jmp(done);

        // The handler gets the enclave's RSP as its fourth argument and keeps what the enclave left on the untrusted stack;
        // RBX remembers what the alignment took, for the handler keeps RBX.
        a.Label(ref call);
        a.mov(rcx, rsp);
        a.mov(rax, rbx);
        a.mov(rbx, rsp);
        a.and(rbx, 0xf);
        a.and(rsp, -16);
        a.push(rax);
        a.push(rax);
        a.cld();
        a.call(__qword_ptr[rax + handler]);
        a.lea(rsp, __qword_ptr[rsp + rbx + 16]);
        a.test(eax, eax);
        a.jle(leave);
        a.jmp(again);
    }
}
