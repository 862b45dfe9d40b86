namespace Cloister.Images.Tests.Measuring;

public class EnclaveMeasurerTests
{
    private const long Room = 8 << 20;

    // Pages that are read from the file and pages that the layout makes, many times what may be allocated.
    [Fact]
    public void Memory_is_flat_in_the_size_of_the_enclave()
    {
        string path = Path.GetTempFileName();
        try
        {
            const ulong segment = 96UL << 20, size = 512UL << 20;
            using (FileStream file = File.OpenWrite(path))
            {
                // The segment is a hole behind the headers: only its last byte is written.
                var metadata = new MetadataBuilder(3, 3, size).Entry(8, 3, 16384, 0x10000000, IntelElf.Rw, 0xcccccccc);
                byte[] content = metadata.Build();
                byte[] note = [.. BitConverter.GetBytes(13), .. BitConverter.GetBytes(content.Length + 64), .. BitConverter.GetBytes(1),
                    .. "sgx_metadata\0"u8, .. content, .. new byte[64]];
                var elf = new ElfBuilder().Section(".note.sgxmeta", 7, 0, 0x2000, (ulong)note.Length)
                    .Segment(1, 6, 0x8000, 0, segment, segment, 4096);
                byte[] head = elf.Symbols(("enclave_entry", 0x40)).Build();
                Assert.True(head.Length <= 0x2000);
                file.Write(head);
                file.Position = 0x2000;
                file.Write(note);
                file.SetLength(0x8000 + (long)segment);
            }

            using var image = ImageReader.Open(path);

            // Of this thread: others test at the same time. The thread that hashes has nothing but the buffers it is given.
            long before = GC.GetAllocatedBytesForCurrentThread();
            MeasureResult result = EnclaveMeasurer.Measure(image, image.PreferredVariant);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal((segment / 4096) + 16384, result.Pages);
            Assert.Equal(result.Pages * 16, result.MeasuredChunks);
            Assert.True(allocated < Room, $"{allocated} bytes were allocated");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_large_range_costs_the_pages_in_it()
    {
        MeasureResult Measure(ulong size, uint pages)
        {
            using EnclaveImage image =
                ImageReader.Read(
                    ByteSource.FromBytes(IntelElf.File(new MetadataBuilder(3, 3, size).Entry(1, 1, pages, 0x1000000, IntelElf.Rw))));
            return EnclaveMeasurer.Measure(image, image.PreferredVariant);
        }

        Assert.Equal(Measure(1UL << 30, 10).Pages, Measure(1UL << 45, 10).Pages);
        Assert.Equal(Measure(1UL << 30, 10).Pages, Measure(1UL << 56, 10).Pages);
        Assert.Throws<ImageException>(() => Measure(1UL << 57, 10));
        Assert.Throws<ImageException>(() => Measure(1UL << 45, (1 << 28) + 1));
    }

    [Fact]
    public void It_tells_how_far_it_is_and_can_be_ended()
    {
        using EnclaveImage image =
            ImageReader.Read(
                ByteSource.FromBytes(IntelElf.File(new MetadataBuilder(3, 3, 256UL << 20).Entry(1, 1, 20000, 0x1000000, IntelElf.Rw))));
        using var enough = new CancellationTokenSource();
        var reports = new Reports(value =>
        {
            if (value >= 8192)
            {
                enough.Cancel();
            }
        });
        Assert.Throws<OperationCanceledException>(
            () => EnclaveMeasurer.Measure(image, image.PreferredVariant, null, reports, enough.Token));
        Assert.Equal([4096UL, 8192UL], reports.Heard);
    }

    private sealed class Reports(Action<ulong> then) : IProgress<ulong>
    {
        public List<ulong> Heard { get; } = [];

        public void Report(ulong value)
        {
            Heard.Add(value);
            then(value);
        }
    }
}
