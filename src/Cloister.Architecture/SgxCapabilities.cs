namespace Cloister.Architecture;

/// <summary>What an SGX processor can do, as CPUID leaf 0x12 tells it.</summary>
public sealed record SgxCapabilities
{
    /// <summary>SGX1 leaves.</summary>
    public bool Sgx1 { get; init; } = true;

    /// <summary>SGX2 leaves: EAUG, EMODPR, EMODT, EACCEPT, EMODPE, EACCEPTCOPY.</summary>
    public bool Sgx2 { get; init; } = true;

    /// <summary>ETRACKC, ERDINFO, ELDBC, ELDUC.</summary>
    public bool Oversubscription { get; init; } = true;

    /// <summary>EUPDATESVN.</summary>
    public bool Eupdatesvn { get; init; } = true;

    /// <summary>EDECCSSA.</summary>
    public bool Edeccssa { get; init; } = true;

    /// <summary>Which bits of MISCSELECT may be set.</summary>
    public Miscselect MiscselectMask { get; init; } = Miscselect.Exinfo;

    /// <summary>log2 of the largest enclave outside 64-bit mode, in bytes.</summary>
    public byte MaximumEnclaveSizeNot64 { get; init; } = 31;

    /// <summary>log2 of the largest enclave in 64-bit mode, in bytes.</summary>
    public byte MaximumEnclaveSize64 { get; init; } = 56;

    /// <summary>Which attributes ECREATE may set.</summary>
    public Attributes AttributesMask { get; init; }
}
