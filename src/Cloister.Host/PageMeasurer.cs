using Cloister.Architecture;
using Cloister.Images;
using Cloister.Processor;

namespace Cloister.Host;

/// <summary>Measures pages while they are added. SDM 3D, "MRENCLAVE".</summary>
internal sealed class PageMeasurer : IDisposable
{
    private readonly Measurement _measurement = new();

    public PageMeasurer(ulong size, uint ssaFrameSize) => _measurement.Ecreate(size, ssaFrameSize);

    /// <summary>The SECINFO.FLAGS of EADD: a TCS has no permissions of its own. SDM 3D, EADD.</summary>
    public static SecinfoFlags FlagsOf(PageRun run) => run.PageType == PageType.Tcs ? run.Flags & ~SecinfoFlags.PermissionMask : run.Flags;

    public void Add(PageRun run, ulong index, ReadOnlySpan<byte> page)
    {
        ulong offset = run.Offset + (index * LinearAddress.PageSize);
        _measurement.Eadd(offset, new Secinfo(FlagsOf(run)));
        if (!run.IsUnmeasured)
        {
            _measurement.Eextend(offset, page);
        }
    }

    public byte[] Mrenclave()
    {
        byte[] mrenclave = new byte[32];
        _measurement.Digest(mrenclave);
        return mrenclave;
    }

    public void Dispose() => _measurement.Dispose();
}
