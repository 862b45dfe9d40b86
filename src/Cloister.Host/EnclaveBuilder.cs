using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Host;

/// <summary>Builds an enclave from pages in memory. The order of the calls is the order of EADD, and so part of the measurement.</summary>
public sealed class EnclaveBuilder
{
    private readonly List<PageRun> _runs = [];
    private readonly SortedSet<ulong> _taken = [];

    /// <summary>For an enclave of that size.</summary>
    /// <param name="size">SECS.SIZE: bytes, a power of two, 8192 or more (SDM 3D, ECREATE). It includes what is added at run time.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public EnclaveBuilder(ulong size)
    {
        if (size < 2 * LinearAddress.PageSize || (size & (size - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, "an enclave's size is a power of two of 8192 bytes or more");
        }

        Size = size;
    }

    /// <summary>SECS.SIZE in bytes.</summary>
    public ulong Size { get; }

    /// <summary>The pages in the order of EADD.</summary>
    internal IReadOnlyList<PageRun> Runs => _runs;

    /// <summary>
    /// SECS.SSAFRAMESIZE in pages, 1 or more: room for what <see cref="Attributes"/>' XFRM and <see cref="Miscselect"/> ask for.
    /// </summary>
    public uint SsaFrameSize { get; init; } = 1;

    /// <summary>SECS.MISCSELECT.</summary>
    public Miscselect Miscselect { get; init; }

    /// <summary>SECS.ATTRIBUTES. By default a 64-bit debug enclave with the x87 and SSE state.</summary>
    public Attributes Attributes { get; init; } = new(AttributeFlags.Mode64Bit | AttributeFlags.Debug, Attributes.XfrmLegacy);

    /// <summary>How the enclave will be entered.</summary>
    public EntryMethod EntryMethod { get; init; }

    /// <summary>Adds ordinary pages (PT_REG).</summary>
    /// <param name="offset">Where in the enclave: bytes, a multiple of 4096.</param>
    /// <param name="bytes">Their content; the last page is filled up with zeros.</param>
    /// <param name="access">What the enclave may do with them. Writable or executable pages are readable (SDM 3D, EADD).</param>
    /// <param name="measured">Whether the content is measured (EEXTEND).</param>
    /// <param name="name">What they are, for messages.</param>
    /// <exception cref="ArgumentException">The place is unaligned, taken, or beyond the enclave.</exception>
    public EnclaveBuilder Add(ulong offset, ReadOnlyMemory<byte> bytes, PageAccess access, bool measured = true, string name = "pages")
    {
        if (bytes.IsEmpty)
        {
            throw new ArgumentException("there is nothing to add", nameof(bytes));
        }

        ulong count = ((ulong)bytes.Length + LinearAddress.PageSize - 1) / LinearAddress.PageSize;
        return Add(new PageRun(name, offset, count, SecinfoFlags.Reg | (SecinfoFlags)access, new MemoryPageContent(bytes)), measured);
    }

    /// <summary>Adds ordinary pages full of zeros.</summary>
    /// <param name="offset">Where in the enclave: bytes, a multiple of 4096.</param>
    /// <param name="pages">How many.</param>
    /// <param name="access">What the enclave may do with them.</param>
    /// <param name="measured">Whether the content is measured (EEXTEND).</param>
    /// <param name="name">What they are, for messages.</param>
    /// <exception cref="ArgumentException">The place is unaligned, taken, or beyond the enclave.</exception>
    public EnclaveBuilder AddZeros(ulong offset, int pages, PageAccess access, bool measured = true, string name = "pages")
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pages);
        return Add(new PageRun(name, offset, (ulong)pages, SecinfoFlags.Reg | (SecinfoFlags)access, PageContent.Zero), measured);
    }

    /// <summary>Adds a TCS: a thread.</summary>
    /// <param name="offset">Where in the enclave: bytes, a multiple of 4096.</param>
    /// <param name="tcs">Its content. SDM 3D, TCS.</param>
    /// <exception cref="ArgumentException">The place is unaligned, taken, or beyond the enclave.</exception>
    public EnclaveBuilder AddThread(ulong offset, in Tcs tcs)
    {
        byte[] bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<Tcs>(in tcs)).ToArray();
        return Add(new PageRun("TCS", offset, 1, SecinfoFlags.Tcs, new MemoryPageContent(bytes)), measured: true);
    }

    /// <summary>Builds and initialises it, signed on the spot with a key of no meaning.</summary>
    /// <param name="parameters">What its SIGSTRUCT says; by default exactly this enclave's attributes.</param>
    /// <exception cref="SgxUnavailableException">There is no SGX.</exception>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public Enclave Build(SigningParameters? parameters = null)
    {
        SigningParameters signing = parameters ?? new SigningParameters
        {
            Attributes = Attributes,
            Attributemask = new Attributes(~AttributeFlags.Init, ulong.MaxValue),
            Miscselect = Miscselect,
        };
        return new Enclave(EnclaveLoader.Load(Secs(), _runs, mrenclave => DebugSigner.Shared.Sign(signing, mrenclave), EntryMethod));
    }

    /// <summary>Builds and initialises it with a SIGSTRUCT that was made before.</summary>
    /// <param name="sigstruct">For exactly these pages in this order.</param>
    /// <exception cref="SgxUnavailableException">There is no SGX.</exception>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public Enclave Build(in Sigstruct sigstruct)
    {
        Sigstruct copy = sigstruct;
        return new Enclave(EnclaveLoader.Load(Secs(), _runs, _ => copy, EntryMethod));
    }

    /// <summary>Its MRENCLAVE, without building it.</summary>
    public Mrenclave Measure()
    {
        using var measurer = new PageMeasurer(Size, SsaFrameSize);
        byte[] page = new byte[LinearAddress.PageSize];
        foreach (PageRun run in _runs)
        {
            for (ulong i = 0; i < run.Count; i++)
            {
                run.Content.Read(i, page);
                measurer.Add(run, i, page);
            }
        }

        return new Mrenclave(measurer.Mrenclave());
    }

    private Secs Secs() => new() { Size = Size, SsaFrameSize = SsaFrameSize, Miscselect = Miscselect, Attributes = Attributes };

    private EnclaveBuilder Add(PageRun run, bool measured)
    {
        if (run.Offset % LinearAddress.PageSize != 0)
        {
            throw new ArgumentException($"0x{run.Offset:x} is no multiple of 4096", nameof(run));
        }

        if (run.Offset >= Size || run.Count > (Size - run.Offset) / LinearAddress.PageSize)
        {
            throw new ArgumentException($"{run.Count} pages at 0x{run.Offset:x} leave an enclave of 0x{Size:x} bytes", nameof(run));
        }

        for (ulong at = run.Offset; at < run.End; at += LinearAddress.PageSize)
        {
            if (!_taken.Add(at))
            {
                throw new ArgumentException($"there is a page at 0x{at:x} already", nameof(run));
            }
        }

        _runs.Add(measured ? run : run.Unmeasured());
        return this;
    }
}
