using Cloister.Architecture;

namespace Cloister.Images.Tests.Formats;

/// <summary>A stream that is written is the one that is read, and its hash what SHA-256 over the measured records gives.</summary>
public class SgxsWriterTests
{
    private const SecinfoFlags Code = (SecinfoFlags)0x205, Data = (SecinfoFlags)0x203, Tcs = (SecinfoFlags)0x100;

    [Fact]
    public void What_is_measured_is_written_as_it_is_hashed()
    {
        byte[] code = Pattern(1), tcs = Pattern(2);
        Oracle oracle = new Oracle(0x4000, 1).Page(0, (ulong)Tcs, tcs).Page(0x1000, (ulong)Code, code).Add(0x3000, (ulong)Data);
        using var stream = new MemoryStream();
        using var writer = new SgxsWriter(stream, 0x4000, 1);
        writer.Add(0, Tcs, tcs);
        Assert.True(writer.Measure(0, 4096));
        writer.Add(0x1000, Code, code);
        Assert.True(writer.Measure(0x1000, 4096));
        writer.Add(0x3000, Data, new byte[4096]);
        Assert.Equal(oracle.Mrenclave, Convert.ToHexStringLower(writer.End()));
        Assert.Equal(oracle.Stream, stream.ToArray());
    }

    [Fact]
    public void What_is_not_measured_is_there_unless_it_is_zero()
    {
        byte[] content = Pattern(3);
        content.AsSpan(512, 256).Clear();
        using var stream = new MemoryStream();
        using var writer = new SgxsWriter(stream, 0x2000, 1);
        writer.Add(0x1000, Code, content);
        Assert.True(writer.Measure(0x1300, 256));
        Assert.True(writer.Measure(0x1000, 256));
        byte[] mrenclave = writer.End();
        Oracle measured = new Oracle(0x2000, 1).Add(0x1000, (ulong)Code).Extend(0x1300, content.AsSpan(768, 256))
            .Extend(0x1000, content.AsSpan(0, 256));
        Assert.Equal(measured.Mrenclave, Convert.ToHexStringLower(mrenclave));

        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(stream.ToArray()));
        Assert.Equal(measured.Mrenclave, EnclaveMeasurer.Measure(image, image.Variants[0]).Text);
        byte[] page = new byte[4096];
        image.Variants[0].Pages!.Single().Content.Read(0, page);
        Assert.Equal(content, page);
        Assert.Equal(64 + 64 + (15 * (64 + 256)), stream.Length);
    }

    [Fact]
    public void A_chunk_of_another_page_or_twice_cannot_be_said()
    {
        using var writer = new SgxsWriter(new MemoryStream(), 0x4000, 1);
        Assert.False(writer.Measure(0, 256));
        writer.Add(0, Code, new byte[4096]);
        Assert.True(writer.Measure(0x100, 256));
        Assert.False(writer.Measure(0x100, 256));
        writer.Add(0x1000, Code, new byte[4096]);
        Assert.False(writer.Measure(0, 256));
        Assert.False(writer.Measure(0x2000, 256));
    }

    private static byte[] Pattern(int seed)
    {
        byte[] page = new byte[4096];
        new Random(seed).NextBytes(page);
        return page;
    }
}
