namespace Cloister.Architecture;

/// <summary>The type of an EPC page. SDM 3D, "PAGE_TYPE".</summary>
public enum PageType : byte
{
    /// <summary>PT_SECS: an enclave's control structure.</summary>
    Secs = 0,

    /// <summary>PT_TCS: a thread's control structure.</summary>
    Tcs = 1,

    /// <summary>PT_REG: code or data.</summary>
    Reg = 2,

    /// <summary>PT_VA: 512 slots for versions of evicted pages.</summary>
    Va = 3,

    /// <summary>PT_TRIM: to be removed.</summary>
    Trim = 4,

    /// <summary>PT_SS_FIRST: the first page of a shadow stack.</summary>
    SsFirst = 5,

    /// <summary>PT_SS_REST: a further page of a shadow stack.</summary>
    SsRest = 6,
}
