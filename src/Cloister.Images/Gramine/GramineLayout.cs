using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The pages of a Gramine enclave: areas from the top down, measured in the order of the list. gramineproject/gramine,
/// python/graminelibos/sgx_sign.py; pal/src/host/linux-sgx/pal_linux_defs.h and pal_tcb.h (the same from 1.0 to 1.9).
/// </summary>
internal sealed class GramineLayout
{
    private const ulong Page = LinearAddress.PageSize;
    private const ulong SsaFrame = 4 * Page;
    private const ulong SsaFrames = 2;
    private const ulong StackSize = 64 * Page;
    private const ulong SignalStackSize = 16 * Page;
    private const ulong HeapMinimum = 0x10000;
    private const ulong GprsgxSize = 184;
    private const ulong CanaryDefault = 0xbadbadbadbad;
    private const ulong MaximumThreads = 1 << 16;
    private const SecinfoFlags Data = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    private readonly GramineManifest manifest;
    private readonly ByteSource text;
    private readonly ElfFile libpal;
    private readonly ulong size;
    private readonly ulong start;
    private readonly ulong heapMinimum;

    private readonly ulong manifestAt;
    private readonly ulong ssa;
    private readonly ulong tcs;
    private readonly ulong tls;
    private readonly ulong stacks;
    private readonly ulong signalStacks;
    private readonly ulong pal;

    public GramineLayout(GramineManifest manifest, ByteSource text, ElfFile libpal)
    {
        this.manifest = manifest;
        this.text = text;
        this.libpal = libpal;
        size = manifest.EnclaveSize;
        start = manifest.IsAboveItsSize ? size : 0;
        heapMinimum = manifest.IsAboveItsSize ? start : HeapMinimum;
        ulong threads = manifest.Threads;
        if (threads > MaximumThreads)
        {
            throw new ImageException($"{threads} threads are more than any enclave has");
        }

        // Each area lies below the one before. The stacks of all threads are one area each here.
        ulong top = start + size;
        manifestAt = Take(ref top, RoundUp((ulong)text.Length + 1));
        ssa = Take(ref top, threads * SsaFrame * SsaFrames);
        tcs = Take(ref top, threads * Page);
        tls = Take(ref top, threads * Page);
        stacks = Take(ref top, threads * StackSize);
        signalStacks = Take(ref top, threads * SignalStackSize);
        pal = Take(ref top, PalSize());
    }

    public IEnumerable<PageRun> Pages()
    {
        yield return Run("manifest", manifestAt, RoundUp((ulong)text.Length + 1), SecinfoFlags.Reg | SecinfoFlags.R,
            new SourcePageContent(text, 0, (ulong)text.Length, 0));
        ulong threads = manifest.Threads;
        if (threads > 0)
        {
            yield return Run("SSA", ssa, threads * SsaFrame * SsaFrames, Data, PageContent.Zero);
            yield return Run("TCS", tcs, threads * Page, SecinfoFlags.Tcs, new ThreadContent(TcsPage));
            yield return Run("thread data", tls, threads * Page, Data, new ThreadContent(TlsPage));
        }

        // The first thread's stack is the highest.
        for (ulong i = 0; i < threads; i++)
        {
            yield return Run("stack", StackOf(i), StackSize, Data, PageContent.Zero);
        }

        for (ulong i = 0; i < threads; i++)
        {
            yield return Run("signal stack", SignalStackOf(i), SignalStackSize, Data, PageContent.Zero);
        }

        foreach (ElfSegment segment in libpal.LoadSegments)
        {
            PageRun run = segment.ToRun(libpal.Source, size);
            yield return run with { Name = $"libpal {run.Name}", Offset = run.Offset + pal - start };
        }

        if (!manifest.IsEdmm && pal > heapMinimum)
        {
            yield return Run("heap", heapMinimum, pal - heapMinimum, Data | SecinfoFlags.X, PageContent.Zero).Unmeasured();
        }
    }

    private PageRun Run(string name, ulong address, ulong bytes, SecinfoFlags flags, PageContent content)
        => new(name, address - start, bytes / Page, flags, content);

    private ulong StackOf(ulong thread) => stacks + ((manifest.Threads - 1 - thread) * StackSize);

    private ulong SignalStackOf(ulong thread) => signalStacks + ((manifest.Threads - 1 - thread) * SignalStackSize);

    private ulong SsaOf(ulong thread) => ssa + (thread * SsaFrame * SsaFrames);

    // sgx_sign.py, gen_area_content: set_tcs_field.
    private void TcsPage(ulong thread, Span<byte> page)
    {
        Put(page, 16, SsaOf(thread) - start);
        BinaryPrimitives.WriteUInt32LittleEndian(page[28..], (uint)SsaFrames);
        Put(page, 32, pal + libpal.Entry - start);
        Put(page, 56, tls + (thread * Page) - start);
        BinaryPrimitives.WriteUInt32LittleEndian(page[64..], 0xfff);
        BinaryPrimitives.WriteUInt32LittleEndian(page[68..], 0xfff);
    }

    // sgx_sign.py, gen_area_content: set_tls_field; offsets of struct pal_enclave_tcb behind 272 bytes of PAL_TCB.
    private void TlsPage(ulong thread, Span<byte> page)
    {
        Put(page, 0, tls + (thread * Page));
        Put(page, 8, CanaryDefault);
        Put(page, 272, size);
        Put(page, 280, tcs + (thread * Page) - start);
        Put(page, 288, StackOf(thread) + StackSize);
        Put(page, 304, SignalStackOf(thread));
        Put(page, 312, SignalStackOf(thread) + SignalStackSize);
        Put(page, 328, SsaOf(thread));
        Put(page, 336, SsaOf(thread) + SsaFrame - GprsgxSize);
        Put(page, 416, (ulong)text.Length + 1);
        Put(page, 424, heapMinimum);
        Put(page, 432, pal);
    }

    private ulong Take(ref ulong top, ulong bytes)
    {
        if (bytes > top || top - bytes < heapMinimum)
        {
            throw new ImageException(
                $"an enclave of 0x{size:x} bytes is too small for {manifest.Threads} threads, the manifest and libpal");
        }

        return top -= bytes;
    }

    private ulong PalSize()
    {
        ulong low = ulong.MaxValue;
        ulong high = 0;
        foreach (ElfSegment segment in libpal.LoadSegments)
        {
            if (segment.Address > size || segment.MemorySize > size || segment.FileSize > segment.MemorySize)
            {
                throw new ImageException($"libpal's segment at 0x{segment.Address:x} is out of proportion");
            }

            low = Math.Min(low, segment.Address & ~(Page - 1));
            high = Math.Max(high, RoundUp(segment.Address + segment.MemorySize));
        }

        return low == 0 && high > 0 ? high : throw new ImageException("libpal is no shared object that begins at address 0");
    }

    private static void Put(Span<byte> page, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(page[offset..], value);

    private static ulong RoundUp(ulong value) => (value + Page - 1) & ~(Page - 1);

    private sealed class ThreadContent(ThreadContent.Writer write) : PageContent
    {
        public delegate void Writer(ulong thread, Span<byte> page);

        public override void Read(ulong index, Span<byte> page)
        {
            page.Clear();
            write(index, page);
        }
    }
}
