using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The pages of an enclave of the Intel SDK for Windows: the headers, the sections but sgxmeta, heap, and for each thread TCS, thread data,
/// SSA and stack. fortanix/rust-sgx, intel-sgx/sgxs-tools/src/deprecated/isgx-pe2sgx.rs (LayoutInfo, tls_splice), which is of metadata 1.1
/// and finds the thread data by the section .tls. Later linkers merge that into .rdata, and the TLS directory still names it: real
/// files with metadata 1.2 show that the rest is the same.
/// </summary>
internal sealed class PeLayout
{
    private const ulong Page = LinearAddress.PageSize;
    private const ulong Gap = 16 * Page;
    private const string MetadataSection = "sgxmeta";
    private const int CertificateDirectory = 4;
    private const uint StackFill = 0xcccccccc;
    private const int GprSgxOffset = (int)Page - 184;

    // No enclave has more threads or frames, and no file makes anyone enumerate more.
    private const uint MaximumThreads = 1 << 16;
    private const uint MaximumFrames = 1 << 10;
    private const SecinfoFlags ReadWrite = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    private readonly PeFile pe;
    private readonly PeSizes sizes;
    private readonly PeSection[] sections;
    private readonly uint entry;
    private readonly long threadData;
    private readonly ulong threadPages;
    private readonly ulong heapOffset;
    private readonly ulong stackSize;
    private readonly ulong heapSize;

    public PeLayout(PeFile pe, PeSizes sizes)
    {
        this.pe = pe;
        this.sizes = sizes;
        sections = [.. pe.Sections.Where(section => section.Name != MetadataSection)];
        if (sections.Length == 0 || pe.ThreadLocal() is not { } thread || thread.Size < (pe.Is64 ? 104u : 60u))
        {
            throw new ImageException("the PE file has no thread-local variables, where the loader writes the thread data, or too few");
        }

        if (sections.FirstOrDefault(section => section.Address % Page != 0).Name is { } crooked)
        {
            throw new ImageException($"section {crooked} of the PE file begins in the middle of a page");
        }

        if (sizes.Threads > MaximumThreads || sizes.SsaFrames > MaximumFrames)
        {
            throw new ImageException($"{sizes.Threads} threads with {sizes.SsaFrames} SSA frames are more than any enclave has");
        }

        entry = pe.FindExport("enclave_entry") ?? throw new ImageException("the PE file exports no enclave_entry");
        threadData = pe.FileOffsetOf(thread.Address);
        threadPages = Pages(thread.Size + (ulong)thread.Zero);
        stackSize = Pages(sizes.Stack) * Page;
        heapSize = Pages(sizes.Heap) * Page;
        heapOffset = sections[^1].Address + (Pages(sections[^1].Size) * Page);
        ulong used = heapOffset + heapSize + Gap + (sizes.Threads * ThreadStep);
        Size = System.Numerics.BitOperations.RoundUpToPowerOf2(used);
    }

    /// <summary>SECS.SIZE in bytes.</summary>
    public ulong Size { get; }

    // From the TCS.
    private ulong SsaOffset => Page + (threadPages * Page) + Gap;

    private ulong StackOffset => SsaOffset + (sizes.SsaFrames * Page) + Gap;

    private ulong ThreadStep => StackOffset + stackSize;

    public IEnumerable<PageRun> Pages()
    {
        var image = new PatchedByteSource(pe.Source, Patches());
        yield return new PageRun("headers", 0, Pages(pe.HeaderSize), SecinfoFlags.Reg | SecinfoFlags.R,
            new SourcePageContent(image, 0, pe.HeaderSize, 0));
        IReadOnlySet<ulong> relocated = pe.RelocatedPages();
        foreach (PeSection section in sections)
        {
            if (!pe.Source.Contains(section.FileOffset, section.FileSize))
            {
                throw new ImageException($"section {section.Name} reaches past the end of the file", section.FileOffset);
            }

            var content = new SourcePageContent(image, section.FileOffset, section.FileSize, 0);
            var whole = new PageRun(section.Name, section.Address, Pages(section.Size), SecinfoFlags.Reg | section.Permissions, content);
            foreach (PageRun run in whole.MadeWritable(relocated))
            {
                yield return run;
            }
        }

        yield return new PageRun("heap", heapOffset, heapSize / Page, ReadWrite, PageContent.Zero).Unmeasured();
        for (uint i = 0; i < sizes.Threads; i++)
        {
            ulong at = heapOffset + heapSize + Gap + (i * ThreadStep);
            yield return new PageRun("TCS", at, 1, SecinfoFlags.Tcs, new RepeatedPageContent(Tcs(at)));
            yield return new PageRun("thread data", at + Page, threadPages, ReadWrite, PageContent.Zero);
            yield return new PageRun("SSA", at + SsaOffset, sizes.SsaFrames, ReadWrite, PageContent.Zero);
            yield return new PageRun("stack", at + StackOffset, stackSize / Page, ReadWrite, new FilledPageContent(StackFill));
        }
    }

    private byte[] Tcs(ulong at)
    {
        byte[] tcs = new byte[72];
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(16), at + SsaOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(tcs.AsSpan(28), sizes.SsaFrames);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(32), entry);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(48), at + Page);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(56), at + Page);
        BinaryPrimitives.WriteUInt32LittleEndian(tcs.AsSpan(64), (uint)Page - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(tcs.AsSpan(68), (uint)Page - 1);
        return tcs;
    }

    // The checksum and the certificates come after the enclave is signed; the thread data is what the loader tells the enclave of itself.
    private List<(long Offset, ReadOnlyMemory<byte> Bytes)> Patches()
    {
        var patches = new List<(long, ReadOnlyMemory<byte>)> { (pe.ChecksumOffset, new byte[4]) };
        if (pe.DirectoryOffset(CertificateDirectory) is { } certificates)
        {
            patches.Add((certificates, new byte[8]));
        }

        foreach ((int place, ulong value, int size) in pe.Is64 ? ThreadData64() : ThreadData32())
        {
            byte[] bytes = new byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            patches.Add((threadData + place, bytes.AsMemory(0, size)));
        }

        return patches;
    }

    // Offsets in the thread data: stack twice, its end, SSA, its GPRSGX, itself, TCS policy, heap, enclave, where it points to
    // thread-local variables, SSA frame size, heap's size. All relative to the TCS, or to the enclave.
    private IEnumerable<(int Place, ulong Value, int Size)> ThreadData64() =>
    [
        (8, ThreadStep, 8), (16, ThreadStep, 8), (24, StackOffset, 8), (32, SsaOffset, 8), (40, SsaOffset + GprSgxOffset, 8), (48, Page, 8),
        (56, sizes.Policy, 1), (64, heapOffset, 8), (72, Size, 8), (88, Page + 0x30, 8), (96, 1, 4), (100, heapSize, 4),
    ];

    private IEnumerable<(int Place, ulong Value, int Size)> ThreadData32() =>
    [
        (0, uint.MaxValue, 4), (4, ThreadStep, 4), (8, ThreadStep, 4), (12, StackOffset, 4), (16, SsaOffset, 4),
        (20, SsaOffset + GprSgxOffset, 4),
        (24, Page, 4), (28, sizes.Policy, 1), (32, heapOffset, 4), (36, Size, 4), (44, Page + 0x18, 4), (48, 1, 4), (56, heapSize, 4),
    ];

    private static ulong Pages(ulong bytes) => (bytes + Page - 1) / Page;
}

/// <summary>What the metadata says: threads, their frames and stacks in bytes, the heap in bytes.</summary>
internal readonly record struct PeSizes(uint Threads, uint Policy, uint SsaFrames, uint Stack, uint Heap);
