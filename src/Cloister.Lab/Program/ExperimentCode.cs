using Cloister.Architecture;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Lab.Program;

/// <summary>The code of the enclave: assembled here, measured, and run inside.</summary>
/// <remarks>It trusts the host, as an experiment may.</remarks>
internal static class ExperimentCode
{
    /// <summary>Bit 0 of an entry of the list: the page's first use.</summary>
    public const ulong FirstUse = 1;

    /// <summary>Bit 1: the page may be accepted.</summary>
    public const ulong MayAccept = 2;

    private const int Eexit = 4, Eaccept = 5, Eacceptcopy = 7;
    private const int PageSize = LinearAddress.PageSize;

    // In the thread's own page, a part for each level of exceptions: the SECINFO (64 bytes, aligned so), then the end of the list.
    private const int PartShift = 8, ListEnd = 64;

    /// <summary>Assembles it. It is position independent, and its entry is its first byte.</summary>
    public static byte[] Assemble()
    {
        var a = new Assembler(64);
        Label leave = a.CreateLabel(), done = a.CreateLabel();

        // SDM 3D, EENTER: RAX = CSSA, RBX = the TCS, RCX = behind the EENTER.
        a.mov(r10, rcx);
        a.shl(eax, PartShift);
        a.lea(r11, __[rbx + rax + PageSize]);
        a.mov(__qword_ptr[r11], r8);
        a.lea(rdx, __[rsi + rdx * 8]);
        a.mov(__qword_ptr[r11 + ListEnd], rdx);
        a.xor(r8d, r8d);
        Loop(a, EnclaveRequest.Touch, done, () => { }, Add);
        Loop(a, EnclaveRequest.AcceptAndTouch, done, () => { PauseUnlessAllowed(a, done); Accept(a, leave); }, Add);
        Loop(a, EnclaveRequest.Call, done, () => { }, Invoke);
        Loop(a, EnclaveRequest.AcceptCodeAndCall, done, () => { PauseUnlessAllowed(a, done); AcceptCode(a, leave); }, Invoke);
        Loop(a, EnclaveRequest.EmitAndCall, done, () => Emit(a, rcx), Invoke);
        One(a, EnclaveRequest.AcceptOne, done, () => Accept(a, leave));
        One(a, EnclaveRequest.AcceptCodeOne, done, () => AcceptCode(a, leave));
        a.ud2();

        a.Label(ref done);
        a.xor(edx, edx);

        // SDM 3D, EEXIT: RBX = where to. Nothing but the answer leaves in the registers.
        a.Label(ref leave);
        a.mov(rbx, r10);
        foreach (AssemblerRegister32 register in (AssemblerRegister32[])[ecx, edi, r9d, r10d, r11d])
        {
            a.xor(register, register);
        }

        a.mov(eax, Eexit);
        Enclu(a);

        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    // For each entry: RCX is its page; first() runs before the first use, use() always. The answer's RSI stays at the entry it stopped at.
    private static void Loop(Assembler a, EnclaveRequest request, Label done, Action first, Action<Assembler> use)
    {
        Label other = a.CreateLabel(), next = a.CreateLabel(), known = a.CreateLabel();
        a.cmp(rdi, (int)request);
        a.jne(other);
        a.Label(ref next);
        a.cmp(rsi, __qword_ptr[r11 + ListEnd]);
        a.jae(done);
        a.mov(rcx, __qword_ptr[rsi]);
        a.test(cl, (sbyte)FirstUse);
        a.jz(known);
        first();
        a.Label(ref known);
        a.and(rcx, -PageSize);
        use(a);
        a.add(rsi, 8);
        a.jmp(next);
        a.Label(ref other);
    }

    private static void One(Assembler a, EnclaveRequest request, Label done, Action action)
    {
        Label other = a.CreateLabel();
        a.cmp(rdi, (int)request);
        a.jne(other);
        a.mov(rcx, rsi);
        action();
        a.jmp(done);
        a.Label(ref other);
    }

    private static void PauseUnlessAllowed(Assembler a, Label done)
    {
        a.test(cl, (sbyte)MayAccept);
        a.jz(done);
    }

    private static void Accept(Assembler a, Label leave)
    {
        a.and(rcx, -PageSize);
        a.mov(rbx, r11);
        a.mov(eax, Eaccept);
        Enclu(a);
        LeaveOnError(a, leave);
    }

    // SDM 3D, EACCEPTCOPY: RBX = the SECINFO, RCX = the new page, RDX = the page to copy.
    private static void AcceptCode(Assembler a, Label leave)
    {
        Emit(a, r9);
        a.mov(rdx, r9);
        a.mov(rbx, r11);
        a.mov(eax, Eacceptcopy);
        Enclu(a);
        LeaveOnError(a, leave);
    }

    private static void LeaveOnError(Assembler a, Label leave)
    {
        a.mov(edx, eax);
        a.test(eax, eax);
        a.jnz(leave);
    }

    // A function of the page in RCX: mov eax, the page's number; jmp rdx. The number stands in the page where it will run.
    private static void Emit(Assembler a, AssemblerRegister64 into)
    {
        a.and(rcx, -PageSize);
        a.mov(rax, rcx);
        a.shr(rax, 12);
        a.mov(__byte_ptr[into], 0xb8);
        a.mov(__dword_ptr[into + 1], eax);
        a.mov(__word_ptr[into + 5], unchecked((short)0xe2ff));
    }

    private static void Add(Assembler a)
    {
        a.add(__qword_ptr[rcx], 1);
        a.add(r8, __qword_ptr[rcx]);
    }

    private static void Invoke(Assembler a)
    {
        Label back = a.CreateLabel();
        a.lea(rdx, __[back]);
        a.jmp(rcx);
        a.Label(ref back);
        a.add(r8, rax);
    }

    private static void Enclu(Assembler a) => a.db(0x0f, 0x01, 0xd7);
}
