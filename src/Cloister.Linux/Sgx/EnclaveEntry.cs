namespace Cloister.Linux;

/// <summary>Enters enclaves by the function of the vDSO, so that no exception inside becomes a signal of this process.</summary>
/// <remarks>
/// The registers an enclave leaves in would be lost to managed code. A stub of our own keeps them: it is called with the address of an
/// <see cref="EnclaveRun"/>, loads the registers from it, calls the vDSO and stores them again. It preserves what the System V ABI asks
/// it to, MXCSR and the x87 control word included, whatever the enclave does with them. It changes to a stack that belongs to the TCS:
/// code that goes on by ERESUME leaves with the RSP and RBP of its EENTER, so the vDSO's frame must be where it was then.
/// </remarks>
public sealed unsafe class EnclaveEntry
{
    private static readonly Lazy<EnclaveEntry?> Found = new(() => VdsoLookup.Find(VdsoLookup.SgxEnterEnclave) is var address and not 0 ? new EnclaveEntry(address) : null);

    private readonly ulong _enterEnclave;
    private readonly delegate* unmanaged<EnclaveRun*, long> _stub;

    private EnclaveEntry(ulong enterEnclave)
    {
        _enterEnclave = enterEnclave;

        // Lives as long as the process: it is one page for all enclaves.
        nint page = NativeMethods.Mmap(0, 4096, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Private | MemoryProtection.Anonymous, -1, 0);
        if (page == -1)
        {
            throw new LinuxException("mmap", NativeMethods.LastError);
        }

        Code.CopyTo(new Span<byte>((void*)page, 4096));
        if (NativeMethods.SystemCall(SystemCall.Mprotect, page, 4096, MemoryProtection.Read | MemoryProtection.Execute, 0, 0, 0) < 0)
        {
            throw new LinuxException("mprotect", NativeMethods.LastError);
        }

        _stub = (delegate* unmanaged<EnclaveRun*, long>)page;
    }

    /// <summary>The entry of this process; null when its vDSO has no SGX function (Linux before 5.11, or no SGX).</summary>
    public static EnclaveEntry? Instance => Found.Value;

    /// <summary>The stub's bytes: x86-64, position independent.</summary>
    public static ReadOnlySpan<byte> Code =>
    [
        0x55,                                       // push rbp
        0x48, 0x89, 0xe5,                           // mov rbp, rsp
        0x53,                                       // push rbx
        0x41, 0x54,                                 // push r12
        0x41, 0x55,                                 // push r13
        0x41, 0x56,                                 // push r14
        0x41, 0x57,                                 // push r15
        0x48, 0x83, 0xec, 0x20,                     // sub rsp, 32
        0x0f, 0xae, 0x5d, 0xd0,                     // stmxcsr [rbp-48]
        0xd9, 0x7d, 0xd4,                           // fnstcw [rbp-44]
        0x48, 0x89, 0x7d, 0xc8,                     // mov [rbp-56], rdi
        0x48, 0x89, 0xfb,                           // mov rbx, rdi
        0x48, 0x8b, 0x83, 0x30, 0x01, 0x00, 0x00,   // mov rax, [rbx+304]   EnterEnclave
        0x8b, 0x8b, 0x28, 0x01, 0x00, 0x00,         // mov ecx, [rbx+296]   Leaf
        0x48, 0x8b, 0xb3, 0x08, 0x01, 0x00, 0x00,   // mov rsi, [rbx+264]
        0x48, 0x8b, 0x93, 0x10, 0x01, 0x00, 0x00,   // mov rdx, [rbx+272]
        0x4c, 0x8b, 0x83, 0x18, 0x01, 0x00, 0x00,   // mov r8, [rbx+280]
        0x4c, 0x8b, 0x8b, 0x20, 0x01, 0x00, 0x00,   // mov r9, [rbx+288]
        0x48, 0x8b, 0xa3, 0x38, 0x01, 0x00, 0x00,   // mov rsp, [rbx+312]   Stack
        0x48, 0x83, 0xec, 0x08,                     // sub rsp, 8           aligned at the call
        0x53,                                       // push rbx             the struct sgx_enclave_run
        0x48, 0x8b, 0xbb, 0x00, 0x01, 0x00, 0x00,   // mov rdi, [rbx+256]
        0xff, 0xd0,                                 // call rax
        0x48, 0x8b, 0x5d, 0xc8,                     // mov rbx, [rbp-56]
        0x48, 0x89, 0xbb, 0x00, 0x01, 0x00, 0x00,   // mov [rbx+256], rdi
        0x48, 0x89, 0xb3, 0x08, 0x01, 0x00, 0x00,   // mov [rbx+264], rsi
        0x48, 0x89, 0x93, 0x10, 0x01, 0x00, 0x00,   // mov [rbx+272], rdx
        0x4c, 0x89, 0x83, 0x18, 0x01, 0x00, 0x00,   // mov [rbx+280], r8
        0x4c, 0x89, 0x8b, 0x20, 0x01, 0x00, 0x00,   // mov [rbx+288], r9
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
    ];

    /// <summary>Enters and returns when the enclave has left, by EEXIT or by an exception.</summary>
    /// <param name="run">What to enter with; afterwards how it ended.</param>
    /// <param name="stack">The stack of the TCS, always the same, for one caller at a time.</param>
    /// <returns>What the vDSO returned: 0, or -EINVAL when <paramref name="run"/> is wrong.</returns>
    public long Enter(ref EnclaveRun run, PageBuffer stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        run.EnterEnclave = _enterEnclave;
        run.Stack = stack.Address + (ulong)stack.Length;

        // On this thread's stack: nothing moves it while the call lasts.
        EnclaveRun copy = run;
        long result = _stub(&copy);
        run = copy;
        return result;
    }
}
