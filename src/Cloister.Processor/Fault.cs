using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>An exception that an instruction raises.</summary>
/// <param name="Vector">Which.</param>
/// <param name="ErrorCode">Its error code; for #PF bits of <see cref="PageFaultErrorCode"/>.</param>
/// <param name="Address">For #PF the address, else 0.</param>
public readonly record struct Fault(ExceptionVector Vector, uint ErrorCode, LinearAddress Address)
{
    /// <summary>#GP(0).</summary>
    public static Fault GeneralProtection => new(ExceptionVector.GeneralProtection, 0, default);

    /// <summary>#UD.</summary>
    public static Fault InvalidOpcode => new(ExceptionVector.InvalidOpcode, 0, default);

    /// <summary>#PF at an address.</summary>
    public static Fault PageFault(LinearAddress address, PageFaultErrorCode code)
        => new(ExceptionVector.PageFault, (uint)code, address);
}
