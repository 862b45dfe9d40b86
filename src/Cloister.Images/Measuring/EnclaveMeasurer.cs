using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Images;

/// <summary>Recomputes MRENCLAVE from a file, page by page: memory does not grow with the enclave.</summary>
public static class EnclaveMeasurer
{
    private const ulong ReportEvery = 4096;

    /// <summary>Measures one enclave of a file.</summary>
    /// <param name="image">The file.</param>
    /// <param name="variant">Which enclave of it.</param>
    /// <param name="trace">Hears each operation, or null.</param>
    /// <param name="progress">Hears now and then how many pages are done, or null.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="ImageException">The file does not hold the pages, or is not whole.</exception>
    /// <exception cref="OperationCanceledException">It was asked to end.</exception>
    public static MeasureResult Measure(
        EnclaveImage image,
        EnclaveVariant variant,
        IMeasurementTrace? trace = null,
        IProgress<ulong>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(variant);
        IEnumerable<PageRun> pages = PageSequence.Checked(variant, image.Source.Length);
        using var measurement = new Measurement(new HashThread(), HashThread.Capacity);
        measurement.Ecreate(variant.Size, variant.SsaFrameSize);
        trace?.Created(variant.Size, variant.SsaFrameSize);

        byte[] page = GC.AllocateUninitializedArray<byte>(LinearAddress.PageSize);
        ulong done = 0;
        ulong chunks = 0;
        foreach (PageRun run in pages)
        {
            var secinfo = new Secinfo(Measured(run.Flags));
            for (ulong i = 0; i < run.Count; i++)
            {
                ulong offset = run.Offset + (i * LinearAddress.PageSize);
                measurement.Eadd(offset, secinfo);
                trace?.Added(run.Name, offset, secinfo.Flags);
                if (!run.IsUnmeasured)
                {
                    run.Content.Read(i, page);
                    chunks += Extend(measurement, trace, run, offset, page);
                }

                if (++done % ReportEvery == 0)
                {
                    progress?.Report(done);
                    cancellation.ThrowIfCancellationRequested();
                }
            }
        }

        byte[] mrenclave = new byte[32];
        measurement.Digest(mrenclave);
        return new MeasureResult(mrenclave, done, chunks, 64 + (done * 64) + (chunks * (64 + PageRun.ChunkSize)));
    }

    // SDM 3D, EADD: a TCS is added without permissions, whatever SECINFO says.
    internal static SecinfoFlags Measured(SecinfoFlags flags)
        => new Secinfo(flags).PageType == PageType.Tcs ? flags & ~SecinfoFlags.PermissionMask : flags;

    private static ulong Extend(Measurement measurement, IMeasurementTrace? trace, PageRun run, ulong offset, ReadOnlySpan<byte> page)
    {
        ReadOnlySpan<byte> order = run.MeasuredChunks.Span;
        if (trace is null && run.IsMeasured)
        {
            measurement.Eextend(offset, page);
            return (ulong)order.Length;
        }

        foreach (byte chunk in order)
        {
            ReadOnlySpan<byte> bytes = page.Slice(chunk * PageRun.ChunkSize, PageRun.ChunkSize);
            ulong at = offset + (ulong)(chunk * PageRun.ChunkSize);
            measurement.Eextend(at, bytes);
            trace?.Extended(at, bytes);
        }

        return (ulong)order.Length;
    }
}
