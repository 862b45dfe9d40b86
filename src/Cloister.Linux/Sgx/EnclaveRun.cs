using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>One entry into an enclave: struct sgx_enclave_run of the vDSO, then the registers that pass through.</summary>
/// <remarks>The first 256 bytes are the kernel's. Source: uapi asm/sgx.h, struct sgx_enclave_run.</remarks>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct EnclaveRun
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 320;

    /// <summary>Address of the TCS.</summary>
    [FieldOffset(0)] public ulong Tcs;

    /// <summary>
    /// The last ENCLU leaf: 4 (EEXIT) when the enclave left by itself, 2 (EENTER) or 3 (ERESUME) when an exception ended it.
    /// </summary>
    [FieldOffset(8)] public uint Function;

    /// <summary>Vector of the exception.</summary>
    [FieldOffset(12)] public ushort ExceptionVector;

    /// <summary>Error code of the exception.</summary>
    [FieldOffset(14)] public ushort ExceptionErrorCode;

    /// <summary>For a page fault the address.</summary>
    [FieldOffset(16)] public ulong ExceptionAddress;

    /// <summary>A function to call at each exit; 0 for none.</summary>
    [FieldOffset(24)] public ulong UserHandler;

    /// <summary>The handler's own.</summary>
    [FieldOffset(32)] public ulong UserData;

    /// <summary>RDI, in and out.</summary>
    [FieldOffset(256)] public ulong Rdi;

    /// <summary>RSI, in and out.</summary>
    [FieldOffset(264)] public ulong Rsi;

    /// <summary>RDX, in and out.</summary>
    [FieldOffset(272)] public ulong Rdx;

    /// <summary>R8, in and out.</summary>
    [FieldOffset(280)] public ulong R8;

    /// <summary>R9, in and out.</summary>
    [FieldOffset(288)] public ulong R9;

    /// <summary>ENCLU leaf to begin with: 2 (EENTER) or 3 (ERESUME).</summary>
    [FieldOffset(296)] public uint Leaf;

    /// <summary>Where the function of the vDSO is; filled in by <see cref="VdsoEntry"/>.</summary>
    [FieldOffset(304)] internal ulong EnterEnclave;

    /// <summary>End of the stack to call it on.</summary>
    [FieldOffset(312)] internal ulong Stack;
}
