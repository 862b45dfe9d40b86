namespace Cloister.Architecture;

/// <summary>CPUID leaf 0x12. SDM 3D, "Intel SGX Resource Enumeration Leaves".</summary>
public static class CpuidSgx
{
    /// <summary>The leaf.</summary>
    public const uint Leaf = 0x12;

    /// <summary>The sub-leaf of the first EPC section.</summary>
    public const uint FirstEpcSubleaf = 2;

    /// <summary>CPUID.7.0:EBX.SGX.</summary>
    public const uint Leaf7Ebx = 1u << 2;

    /// <summary>CPUID.7.0:ECX.SGX_LC: launch control can be configured.</summary>
    public const uint Leaf7Ecx = 1u << 30;

    /// <summary>Sub-leaf 0: the leaves, MISCSELECT and the largest enclave.</summary>
    public static CpuidRegisters Capabilities(SgxCapabilities of)
    {
        ArgumentNullException.ThrowIfNull(of);
        uint eax = Bit(of.Sgx1, 0) | Bit(of.Sgx2, 1) | Bit(of.Oversubscription, 6) | Bit(of.Eupdatesvn, 10) | Bit(of.Edeccssa, 11);
        return new CpuidRegisters(eax, (uint)of.MiscselectMask, 0, of.MaximumEnclaveSizeNot64 | ((uint)of.MaximumEnclaveSize64 << 8));
    }

    /// <summary>Sub-leaf 1: the attributes that ECREATE may set.</summary>
    public static CpuidRegisters SecsAttributes(SgxCapabilities of)
    {
        ArgumentNullException.ThrowIfNull(of);
        (ulong flags, ulong xfrm) = ((ulong)of.AttributesMask.Flags, of.AttributesMask.Xfrm);
        return new CpuidRegisters((uint)flags, (uint)(flags >> 32), (uint)xfrm, (uint)(xfrm >> 32));
    }

    /// <summary>Sub-leaf 2 and up: one EPC section with confidentiality and integrity protection.</summary>
    /// <param name="physicalAddress">Where it begins; a multiple of 4096 below 2^52.</param>
    /// <param name="bytes">Its size; a multiple of 4096.</param>
    public static CpuidRegisters EpcSection(ulong physicalAddress, ulong bytes)
        => new(
            (uint)(physicalAddress & 0xffff_f000) | 1,
            (uint)(physicalAddress >> 32) & 0xfffff,
            (uint)(bytes & 0xffff_f000) | 1,
            (uint)(bytes >> 32) & 0xfffff);

    /// <summary>The sub-leaf after the last section: type 0, all zero.</summary>
    public static CpuidRegisters NoEpcSection => default;

    private static uint Bit(bool set, int bit) => set ? 1u << bit : 0;
}
