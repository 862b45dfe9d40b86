namespace Cloister.Images.Tests.Formats;

public class PlainElfReaderTests
{
    [Theory]
    [InlineData(0UL)]
    [InlineData(0x3000UL)]
    public void The_first_segment_is_the_TCS_and_the_heap_is_not_measured(ulong heap)
    {
        byte[] tcs = IntelElf.Pattern(1, 0x1000);
        byte[] code = IntelElf.Pattern(2, 0x1800);
        byte[] file = new ElfBuilder().Load(0x1000, 6, tcs, 0x1000).Load(0x2000, 5, code, 0x1800).Build();
        byte[] second = new byte[0x1000];
        code.AsSpan(0x1000).CopyTo(second);

        // Pages are taken from the file as they are: behind the segment lie the section headers.
        byte[] tail = file[0x3000..Math.Min(file.Length, 0x4000)];
        tail.CopyTo(second, 0);
        Oracle expected = new Oracle(heap == 0 ? 0x4000UL : 0x8000UL, 1)
            .Page(0, 0x100, tcs).Page(0x1000, 0x205, code[..0x1000]).Page(0x2000, 0x205, second);
        for (ulong at = 0; at < heap; at += 0x1000)
        {
            expected.Add(0x3000 + at, 0x203);
        }

        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(file), new ReadOptions { HeapSize = heap });
        Assert.Equal(ImageFormat.PlainElf, image.Format);
        Assert.Equal(expected.Mrenclave, EnclaveMeasurer.Measure(image, image.PreferredVariant).Text);
        PageMap map = PageMap.Read(image, image.PreferredVariant);
        Assert.Equal([0UL], map.Tcs);
    }
}
