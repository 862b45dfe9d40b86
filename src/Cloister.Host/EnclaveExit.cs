using Cloister.Architecture;

namespace Cloister.Host;

/// <summary>How an enclave was left.</summary>
/// <param name="Leaf">EEXIT when the enclave left by itself; ERESUME, which would go on, when an exception ended it.</param>
/// <param name="Registers">As the enclave left them; meaningless after an exception.</param>
/// <param name="Fault">The exception, or null.</param>
public readonly record struct EnclaveExit(EncluLeaf Leaf, EnclaveRegisters Registers, EnclaveFault? Fault);

/// <summary>An exception that ended an entry.</summary>
/// <param name="Vector">Which. SDM 3A, "Exceptions and Interrupts".</param>
/// <param name="ErrorCode">Its error code, 16 bits; for #PF as <see cref="PageFaultErrorCode"/>.</param>
/// <param name="Address">For #PF the address, its lowest 12 bits zero as an asynchronous exit leaves them (SDM 3D, "AEX").</param>
public readonly record struct EnclaveFault(ExceptionVector Vector, ushort ErrorCode, LinearAddress Address)
{
    /// <summary>Whether the EPCM refused the access, not the page tables. SDM 3D, "EPCM access checks": PFEC.SGX.</summary>
    public bool RefusedByEpcm => Vector == ExceptionVector.PageFault && ((PageFaultErrorCode)ErrorCode).HasFlag(PageFaultErrorCode.Sgx);
}
