namespace Cloister.Architecture;

/// <summary>TCS.FLAGS. SDM 3D, "TCS.FLAGS".</summary>
[Flags]
public enum TcsFlags : ulong
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Debug opt-in: traps, breakpoints and counters work inside. Set by EDBGWR only.</summary>
    Dbgoptin = 1UL << 0,

    /// <summary>A thread of this TCS may ask to be told of asynchronous exits.</summary>
    AexNotify = 1UL << 1,
}
