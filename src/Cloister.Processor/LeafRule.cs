namespace Cloister.Processor;

/// <summary>
/// The checks by which leaves of ENCLU refuse with #GP or an error code. What a #PF is for, the EPCM and the page tables say.
/// </summary>
public enum LeafRule
{
    /// <summary>Not told.</summary>
    None,

    /// <summary>The processor offers the leaf.</summary>
    Offered,

    /// <summary>EENTER and ERESUME are executed outside, all others inside.</summary>
    EnclaveMode,

    /// <summary>An operand is aligned.</summary>
    OperandAligned,

    /// <summary>An operand is in the enclave's range.</summary>
    OperandInElrange,

    /// <summary>The AEP is canonical.</summary>
    AepCanonical,

    /// <summary>OSSA, OFSBASE and OGSBASE of the TCS are page aligned.</summary>
    TcsAligned,

    /// <summary>No reserved flag of the TCS is set.</summary>
    TcsFlags,

    /// <summary>The enclave is initialized.</summary>
    Initialized,

    /// <summary>The enclave is of 64-bit mode.</summary>
    Mode64,

    /// <summary>XFRM of the enclave is within XCR0.</summary>
    XfrmWithinXcr0,

    /// <summary>AEXNOTIFY is the same in TCS and SECS, or the TCS opts in to debugging.</summary>
    AexNotifyAgrees,

    /// <summary>A frame of the state save area is free: CSSA is below NSSA.</summary>
    FrameFree,

    /// <summary>A frame of the state save area is in use: CSSA is not 0.</summary>
    FrameUsed,

    /// <summary>Where an entry goes and its segment bases are canonical.</summary>
    TargetCanonical,

    /// <summary>No thread is in the TCS.</summary>
    TcsFree,

    /// <summary>RIP, FS and GS in the frame are canonical.</summary>
    FrameCanonical,

    /// <summary>XRSTOR takes the extended state in the frame.</summary>
    FrameExtendedState,

    /// <summary>Reserved fields of the SECINFO are 0.</summary>
    SecinfoReserved,

    /// <summary>Page type and state in the SECINFO go together.</summary>
    SecinfoState,

    /// <summary>No W without R.</summary>
    WriteNeedsRead,

    /// <summary>The SECINFO says what the EPCM says of the page.</summary>
    PageAttributes,

    /// <summary>All threads that were inside when the page changed have left since.</summary>
    Tracked,

    /// <summary>A new TCS is legal and idle.</summary>
    TcsIdle,

    /// <summary>Reserved fields and policies of the KEYREQUEST are legal.</summary>
    KeyrequestReserved,

    /// <summary>Policies of KSS, and CONFIGSVN, are asked for by an enclave with KSS.</summary>
    KeyrequestKss,

    /// <summary>KEYNAME is one that there is.</summary>
    Keyname,

    /// <summary>The enclave has the attribute that the key needs.</summary>
    KeyAttribute,

    /// <summary>CPUSVN is not beyond the processor's.</summary>
    KeyCpusvn,

    /// <summary>ISVSVN and CONFIGSVN are not beyond the enclave's.</summary>
    KeyIsvsvn,

    /// <summary>Reserved fields of the TARGETINFO are 0.</summary>
    TargetinfoReserved,

    /// <summary>It is not to fail by order.</summary>
    NotInjected,
}
