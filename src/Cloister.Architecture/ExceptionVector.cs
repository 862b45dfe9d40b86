namespace Cloister.Architecture;

/// <summary>Exception vectors. SDM 3A, "Exceptions and Interrupts".</summary>
public enum ExceptionVector : byte
{
    /// <summary>#DE, divide error.</summary>
    DivideError = 0,

    /// <summary>#DB, debug.</summary>
    Debug = 1,

    /// <summary>Non-maskable interrupt.</summary>
    Nmi = 2,

    /// <summary>#BP, breakpoint.</summary>
    Breakpoint = 3,

    /// <summary>#OF, overflow.</summary>
    Overflow = 4,

    /// <summary>#BR, bound range exceeded.</summary>
    BoundRange = 5,

    /// <summary>#UD, invalid opcode.</summary>
    InvalidOpcode = 6,

    /// <summary>#NM, device not available.</summary>
    DeviceNotAvailable = 7,

    /// <summary>#DF, double fault.</summary>
    DoubleFault = 8,

    /// <summary>#TS, invalid TSS.</summary>
    InvalidTss = 10,

    /// <summary>#NP, segment not present.</summary>
    SegmentNotPresent = 11,

    /// <summary>#SS, stack fault.</summary>
    StackFault = 12,

    /// <summary>#GP, general protection.</summary>
    GeneralProtection = 13,

    /// <summary>#PF, page fault.</summary>
    PageFault = 14,

    /// <summary>#MF, x87 floating point.</summary>
    X87FloatingPoint = 16,

    /// <summary>#AC, alignment check.</summary>
    AlignmentCheck = 17,

    /// <summary>#MC, machine check.</summary>
    MachineCheck = 18,

    /// <summary>#XM, SIMD floating point.</summary>
    SimdFloatingPoint = 19,

    /// <summary>#VE, virtualization.</summary>
    Virtualization = 20,

    /// <summary>#CP, control protection.</summary>
    ControlProtection = 21,
}
