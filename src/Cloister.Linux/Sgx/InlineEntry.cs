namespace Cloister.Linux;

/// <summary>Enters enclaves by an ENCLU of this process's own, for kernels whose vDSO has no SGX function.</summary>
/// <remarks>
/// The ENCLU is at its own asynchronous exit pointer: an interrupt inside returns there with RAX = ERESUME, and it goes on (SDM 3D, "AEX").
/// An exception becomes a signal there. A handler in front of the process's own recognises the address and makes the stub return; all
/// other signals go on to the handler that was there, as .NET's are. As with <see cref="VdsoEntry"/> the stack belongs to the TCS.
/// </remarks>
public sealed unsafe class InlineEntry : EnclaveEntry
{
    private const int HandlerOffset = 0xbd, TableOffset = 2048;

    // struct sigaction of libc: handler 0, mask 8, flags 136, restorer 144. Source: glibc and musl, bits/sigaction.h.
    private const int ActionSize = 152, ActionFlags = 136, SaSiginfo = 4;
    private static readonly int[] Signals = [Signal.SIGSEGV, Signal.SIGBUS, Signal.SIGILL, Signal.SIGFPE, Signal.SIGTRAP];
    private static readonly Lazy<InlineEntry> One = new(() => new InlineEntry());

    private InlineEntry()
        : base(Code)
    {
        // The table first: another thread may have a signal of its own as soon as the handler is installed.
        byte* action = stackalloc byte[ActionSize];
        foreach (int signal in Signals)
        {
            Page[(TableOffset / 8) + signal] = Current(signal, action) ? *(ulong*)action : 0;
        }

        Seal();
        foreach (int signal in Signals)
        {
            // Without a handler an exception of this kind ends the process, as everywhere else.
            if (Current(signal, action))
            {
                *(ulong*)action = (ulong)Page + HandlerOffset;
                _ = NativeMethods.SignalAction(signal, action, null);
            }
        }
    }

    /// <summary>
    /// The entry of this process. From its first use on, the process's handlers of SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP have it in
    /// front of them.
    /// </summary>
    public static InlineEntry Instance => One.Value;

    private static bool Current(int signal, byte* action) => NativeMethods.SignalAction(signal, null, action) == 0
        && (*(int*)(action + ActionFlags) & SaSiginfo) != 0;

    /// <summary>The stub, and from <c>handler</c> on the signal handler: x86-64, position independent. Offsets into the ucontext are those
    /// of sys/ucontext.h: general registers from 40 on, error code 192, trap number 200, CR2 216.</summary>
    public static ReadOnlySpan<byte> Code =>
    [
        0x55,                                       // push rbp
        0x48, 0x89, 0xe5,                           // mov rbp, rsp
        0x53,                                       // push rbx
        0x41, 0x54,                                 // push r12
        0x41, 0x55,                                 // push r13
        0x41, 0x56,                                 // push r14
        0x41, 0x57,                                 // push r15
        0x48, 0x83, 0xec, 0x18,                     // sub rsp, 24
        0x0f, 0xae, 0x5d, 0xd0,                     // stmxcsr [rbp-48]
        0xd9, 0x7d, 0xd4,                           // fnstcw [rbp-44]
        0x48, 0x89, 0xfb,                           // mov rbx, rdi
        0x48, 0x8b, 0xa3, 0x38, 0x01, 0x00, 0x00,   // mov rsp, [rbx+312]          Stack
        0x55,                                       // push rbp
        0x53,                                       // push rbx
        0x48, 0x89, 0xe5,                           // mov rbp, rsp
        0x8b, 0x83, 0x28, 0x01, 0x00, 0x00,         // mov eax, [rbx+296]          Leaf
        0x48, 0x8b, 0xbb, 0x00, 0x01, 0x00, 0x00,   // mov rdi, [rbx+256]
        0x48, 0x8b, 0xb3, 0x08, 0x01, 0x00, 0x00,   // mov rsi, [rbx+264]
        0x48, 0x8b, 0x93, 0x10, 0x01, 0x00, 0x00,   // mov rdx, [rbx+272]
        0x4c, 0x8b, 0x83, 0x18, 0x01, 0x00, 0x00,   // mov r8, [rbx+280]
        0x4c, 0x8b, 0x8b, 0x20, 0x01, 0x00, 0x00,   // mov r9, [rbx+288]
        0x48, 0x8b, 0x1b,                           // mov rbx, [rbx]              Tcs
        0x48, 0x8d, 0x0d, 0x00, 0x00, 0x00, 0x00,   // lea rcx, [rip+enclu]

        // enclu:
        0x0f, 0x01, 0xd7,                           // enclu
        0x48, 0x8b, 0x5d, 0x00,                     // mov rbx, [rbp]
        0xc7, 0x43, 0x08, 0x04, 0x00, 0x00, 0x00,   // mov dword ptr [rbx+8], 4    Function: EEXIT
        0x48, 0x89, 0xbb, 0x00, 0x01, 0x00, 0x00,   // mov [rbx+256], rdi
        0x48, 0x89, 0xb3, 0x08, 0x01, 0x00, 0x00,   // mov [rbx+264], rsi
        0x48, 0x89, 0x93, 0x10, 0x01, 0x00, 0x00,   // mov [rbx+272], rdx
        0x4c, 0x89, 0x83, 0x18, 0x01, 0x00, 0x00,   // mov [rbx+280], r8
        0x4c, 0x89, 0x8b, 0x20, 0x01, 0x00, 0x00,   // mov [rbx+288], r9

        // out:
        0x48, 0x8b, 0x6d, 0x08,                     // mov rbp, [rbp+8]
        0x31, 0xc0,                                 // xor eax, eax
        0xfc,                                       // cld
        0x0f, 0xae, 0x55, 0xd0,                     // ldmxcsr [rbp-48]
        0xd9, 0x6d, 0xd4,                           // fldcw [rbp-44]
        0x48, 0x8d, 0x65, 0xd8,                     // lea rsp, [rbp-40]
        0x41, 0x5f,                                 // pop r15
        0x41, 0x5e,                                 // pop r14
        0x41, 0x5d,                                 // pop r13
        0x41, 0x5c,                                 // pop r12
        0x5b,                                       // pop rbx
        0x5d,                                       // pop rbp
        0xc3,                                       // ret

        // exception:
        0x48, 0x8b, 0x5d, 0x00,                     // mov rbx, [rbp]
        0x89, 0x43, 0x08,                           // mov [rbx+8], eax            Function
        0x66, 0x89, 0x7b, 0x0c,                     // mov [rbx+12], di            ExceptionVector
        0x66, 0x89, 0x73, 0x0e,                     // mov [rbx+14], si            ExceptionErrorCode
        0x48, 0x89, 0x53, 0x10,                     // mov [rbx+16], rdx           ExceptionAddress
        0xeb, 0xce,                                 // jmp out

        // handler:
        0x48, 0x8b, 0x82, 0xa8, 0x00, 0x00, 0x00,   // mov rax, [rdx+168]          RIP
        0x48, 0x8d, 0x0d, 0x8f, 0xff, 0xff, 0xff,   // lea rcx, [rip+enclu]
        0x48, 0x39, 0xc8,                           // cmp rax, rcx
        0x75, 0x33,                                 // jne chain
        0x48, 0x8b, 0x82, 0xc8, 0x00, 0x00, 0x00,   // mov rax, [rdx+200]          trap number
        0x48, 0x89, 0x42, 0x68,                     // mov [rdx+104], rax          RDI
        0x48, 0x8b, 0x82, 0xc0, 0x00, 0x00, 0x00,   // mov rax, [rdx+192]          error code
        0x48, 0x89, 0x42, 0x70,                     // mov [rdx+112], rax          RSI
        0x48, 0x8b, 0x82, 0xd8, 0x00, 0x00, 0x00,   // mov rax, [rdx+216]          CR2
        0x48, 0x89, 0x82, 0x88, 0x00, 0x00, 0x00,   // mov [rdx+136], rax          RDX
        0x48, 0x8d, 0x05, 0xad, 0xff, 0xff, 0xff,   // lea rax, [rip+exception]
        0x48, 0x89, 0x82, 0xa8, 0x00, 0x00, 0x00,   // mov [rdx+168], rax          RIP
        0xc3,                                       // ret

        // chain:
        0x89, 0xf8,                                 // mov eax, edi
        0x48, 0x8d, 0x0d, 0xf4, 0x06, 0x00, 0x00,   // lea rcx, [rip+table]
        0xff, 0x24, 0xc1,                           // jmp [rcx+rax*8]

    ];
}
