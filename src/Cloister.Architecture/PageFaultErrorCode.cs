namespace Cloister.Architecture;

/// <summary>The error code of a page fault. SDM 3A, "Page-Fault Exception"; the SGX bit: SDM 3D, "EPCM access checks".</summary>
[Flags]
public enum PageFaultErrorCode : uint
{
    /// <summary>A read from supervisor mode of a page that is not present.</summary>
    None = 0,

    /// <summary>P: the page was present.</summary>
    Present = 1 << 0,

    /// <summary>W/R: a write.</summary>
    Write = 1 << 1,

    /// <summary>U/S: from user mode.</summary>
    User = 1 << 2,

    /// <summary>I/D: an instruction fetch.</summary>
    InstructionFetch = 1 << 4,

    /// <summary>SS: a shadow stack access.</summary>
    ShadowStack = 1 << 6,

    /// <summary>SGX: refused by the EPCM, not by the page tables.</summary>
    Sgx = 1 << 15,
}
