using Cloister.Architecture;

namespace Cloister.Cli.Dumping;

/// <summary>Pages in a row that are alike.</summary>
/// <param name="start">First byte.</param>
/// <param name="permissions">What the EPCM allows; R for a TCS, which nobody but the processor may read.</param>
internal sealed class CoreSegment(ulong start, SecinfoFlags permissions)
{
    public ulong Start => start;

    /// <summary>Behind the last byte.</summary>
    public ulong End { get; set; } = start + LinearAddress.PageSize;

    public SecinfoFlags Permissions => permissions;
}
