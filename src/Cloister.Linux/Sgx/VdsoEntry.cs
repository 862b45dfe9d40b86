namespace Cloister.Linux;

/// <summary>Enters enclaves by the function of the vDSO, so that no exception inside becomes a signal of this process.</summary>
public sealed class VdsoEntry : EnclaveEntry
{
    private static readonly Lazy<VdsoEntry?> Found = new(
        () => VdsoLookup.Find(VdsoLookup.SgxEnterEnclave) is var address and not 0 ? new VdsoEntry(address) : null);

    private readonly ulong _enterEnclave;

    private VdsoEntry(ulong enterEnclave)
        : base(Code)
    {
        _enterEnclave = enterEnclave;
        Seal();
    }

    /// <summary>The entry of this process; null when its vDSO has no SGX function (Linux before 5.11, or no SGX).</summary>
    public static VdsoEntry? Instance => Found.Value;

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

    /// <inheritdoc/>
    public override long Enter(ref EnclaveRun run, PageBuffer stack)
    {
        run.EnterEnclave = _enterEnclave;
        return base.Enter(ref run, stack);
    }
}
