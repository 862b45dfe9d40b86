namespace Cloister.Host;

/// <summary>The registers that pass an enclave's border in both directions. Source: uapi asm/sgx.h, vdso_sgx_enter_enclave_t.</summary>
/// <param name="Rdi">RDI.</param>
/// <param name="Rsi">RSI.</param>
/// <param name="Rdx">RDX.</param>
/// <param name="R8">R8.</param>
/// <param name="R9">R9.</param>
public readonly record struct EnclaveRegisters(ulong Rdi = 0, ulong Rsi = 0, ulong Rdx = 0, ulong R8 = 0, ulong R9 = 0);
