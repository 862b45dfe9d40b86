namespace Cloister.Architecture;

/// <summary>
/// The error codes that leaves leave in RAX. SDM 3D, "Error Codes" of ENCLS and ENCLU;
/// those of EUPDATESVN from its own specification.
/// </summary>
public enum SgxError : uint
{
    /// <summary>No error.</summary>
    Success = 0,

    /// <summary>SGX_INVALID_SIG_STRUCT.</summary>
    InvalidSigStruct = 1,

    /// <summary>SGX_INVALID_ATTRIBUTE.</summary>
    InvalidAttribute = 2,

    /// <summary>SGX_BLKSTATE: the page is blocked already.</summary>
    Blkstate = 3,

    /// <summary>SGX_INVALID_MEASUREMENT.</summary>
    InvalidMeasurement = 4,

    /// <summary>SGX_NOTBLOCKABLE: pages of this type cannot be blocked.</summary>
    Notblockable = 5,

    /// <summary>SGX_PG_INVLD: the EPC page is not valid.</summary>
    PgInvld = 6,

    /// <summary>SGX_EPC_PAGE_CONFLICT (SGX_LOCKFAIL in older texts): another leaf holds the page.</summary>
    EpcPageConflict = 7,

    /// <summary>SGX_INVALID_SIGNATURE.</summary>
    InvalidSignature = 8,

    /// <summary>SGX_MAC_COMPARE_FAIL.</summary>
    MacCompareFail = 9,

    /// <summary>SGX_PAGE_NOT_BLOCKED.</summary>
    PageNotBlocked = 10,

    /// <summary>SGX_NOT_TRACKED.</summary>
    NotTracked = 11,

    /// <summary>SGX_VA_SLOT_OCCUPIED.</summary>
    VaSlotOccupied = 12,

    /// <summary>SGX_CHILD_PRESENT.</summary>
    ChildPresent = 13,

    /// <summary>SGX_ENCLAVE_ACT: threads are inside.</summary>
    EnclaveAct = 14,

    /// <summary>SGX_ENTRYEPOCH_LOCKED.</summary>
    EntryepochLocked = 15,

    /// <summary>SGX_INVALID_EINITTOKEN (SGX_INVALID_LICENSE in older texts).</summary>
    InvalidEinittoken = 16,

    /// <summary>SGX_PREV_TRK_INCMPL: threads of the epoch before the last are still inside.</summary>
    PrevTrkIncmpl = 17,

    /// <summary>SGX_PG_IS_SECS.</summary>
    PgIsSecs = 18,

    /// <summary>SGX_PAGE_ATTRIBUTES_MISMATCH.</summary>
    PageAttributesMismatch = 19,

    /// <summary>SGX_PAGE_NOT_MODIFIABLE: the page is pending or modified.</summary>
    PageNotModifiable = 20,

    /// <summary>SGX_PAGE_NOT_DEBUGGABLE.</summary>
    PageNotDebuggable = 21,

    /// <summary>SGX_INVALID_COUNTER.</summary>
    InvalidCounter = 25,

    /// <summary>SGX_PG_NONEPC: the address is not in the EPC.</summary>
    PgNonepc = 26,

    /// <summary>SGX_TRACK_NOT_REQUIRED: the page's type needs no tracking.</summary>
    TrackNotRequired = 27,

    /// <summary>SGX_INVALID_REPORTMACSTRUCT.</summary>
    InvalidReportmacstruct = 28,

    /// <summary>SGX_INSUFFICIENT_ENTROPY (EUPDATESVN).</summary>
    InsufficientEntropy = 29,

    /// <summary>SGX_EPC_NOT_READY (EUPDATESVN): the EPC is in use.</summary>
    EpcNotReady = 30,

    /// <summary>SGX_NO_UPDATE (EUPDATESVN): CPUSVN is the newest.</summary>
    NoUpdate = 31,

    /// <summary>SGX_INVALID_CPUSVN.</summary>
    InvalidCpusvn = 32,

    /// <summary>SGX_INVALID_ISVSVN.</summary>
    InvalidIsvsvn = 64,

    /// <summary>SGX_UNMASKED_EVENT: an interrupt came during EINIT.</summary>
    UnmaskedEvent = 128,

    /// <summary>SGX_INVALID_KEYNAME.</summary>
    InvalidKeyname = 256,
}
