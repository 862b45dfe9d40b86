namespace Cloister.Host;

/// <summary>What a call with buffers came back with.</summary>
/// <param name="Value">RSI at the last EEXIT: a value of the enclave's choice, such as a status.</param>
/// <param name="Length">RDX at the last EEXIT: how many bytes of the output the enclave wrote.</param>
public readonly record struct EnclaveAnswer(ulong Value, int Length);
