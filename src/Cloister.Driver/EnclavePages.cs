using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>Pages of an enclave in a row, of which the driver and the EPCM say the same.</summary>
/// <param name="Start">Linear address of the first.</param>
/// <param name="Count">How many.</param>
/// <param name="Type">EPCM.PT; of a page that is written out the driver's own note.</param>
/// <param name="Secinfo">The EPCM's permissions, PENDING, MODIFIED and PR; nothing while written out.</param>
/// <param name="IsBlocked">EPCM.BLOCKED.</param>
/// <param name="IsResident">Whether they are in the EPC.</param>
/// <param name="MaximumProtection">The most a mapping of them may have.</param>
public readonly record struct EnclavePages(
    LinearAddress Start, int Count, PageType Type, SecinfoFlags Secinfo, bool IsBlocked, bool IsResident, Protection MaximumProtection)
{
    /// <summary>Whether a page continues the row.</summary>
    /// <param name="next">The page behind it.</param>
    public bool IsContinuedBy(in EnclavePages next) =>
        next.Start.Value == Start.Value + ((ulong)Count * LinearAddress.PageSize) && next with { Start = Start, Count = Count } == this;
}
