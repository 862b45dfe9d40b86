using System.Security.Cryptography;

namespace Cloister.Images.Tests.Formats;

public class SgxsReaderTests
{
    private const ulong Tcs = 0x100;
    private const ulong Code = 0x205;

    [Fact]
    public void The_hash_of_the_stream_is_MRENCLAVE()
    {
        byte[] content = Pattern(1);
        var oracle = new Oracle(0x4000, 1).Page(0, Tcs, Pattern(2)).Page(0x1000, Code, content).Add(0x3000, 0x203);

        MeasureResult result = Measure(oracle.Stream);

        Assert.Equal(oracle.Mrenclave, result.Text);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(oracle.Stream)), result.Text);
        Assert.Equal((3UL, 32UL, (ulong)oracle.Stream.Length), (result.Pages, result.MeasuredChunks, result.HashedBytes));
    }

    [Fact]
    public void Chunks_keep_the_order_of_the_stream()
    {
        byte[] content = Pattern(3);
        var oracle = new Oracle(0x2000, 1).Add(0x1000, Code);
        foreach (int chunk in new[] { 3, 0, 15 })
        {
            oracle.Extend(0x1000 + (ulong)(chunk * 256), content.AsSpan(chunk * 256, 256));
        }

        Assert.Equal(oracle.Mrenclave, Measure(oracle.Stream).Text);
    }

    [Fact]
    public void Unmeasured_chunks_are_loaded_and_not_measured()
    {
        byte[] content = Pattern(4);
        var measured = new Oracle(0x1000, 1).Add(0, Code).Extend(0x100, content.AsSpan(256, 256));
        var stream = new Oracle(0x1000, 1).Add(0, Code).Extend(0, content.AsSpan(0, 256), "UNMEASRD")
            .Extend(0x100, content.AsSpan(256, 256));

        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(stream.Stream));
        Assert.Equal(measured.Mrenclave, EnclaveMeasurer.Measure(image, image.Variants[0]).Text);
        byte[] page = new byte[4096];
        image.Variants[0].Pages!.Single().Content.Read(0, page);
        Assert.Equal(content[..512], page[..512]);
    }

    [Fact]
    public void An_unsized_stream_is_read_and_not_measured()
    {
        byte[] stream = new Oracle(0x8, 1).Page(0, Code, Pattern(5)).Stream;
        "UNSIZED\0"u8.CopyTo(stream);
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(stream));
        var wrong = Assert.Throws<ImageException>(() => EnclaveMeasurer.Measure(image, image.Variants[0]));
        Assert.Contains("UNSIZED", wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x1000, 0x0f00, "not canonical")]
    [InlineData(0x1000, 0x1080, "not canonical")]
    [InlineData(0x1000, 0x2000, "not canonical")]
    public void A_chunk_outside_its_page_is_refused(ulong page, ulong chunk, string message)
    {
        byte[] stream = new Oracle(0x4000, 1).Add(page, Code).Extend(chunk, new byte[256]).Stream;
        Assert.Contains(message, Assert.Throws<ImageException>(() => Measure(stream)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_twice_is_refused()
    {
        byte[] stream = new Oracle(0x4000, 1).Add(0, Code).Add(0x1000, Code).Add(0x1000, Code).Stream;
        Assert.Contains("overlaps", Assert.Throws<ImageException>(() => Measure(stream)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x3000UL)]
    [InlineData(0UL)]
    [InlineData(0x800UL)]
    public void A_size_that_no_enclave_has_is_refused(ulong size)
        => Assert.Contains("power of two", Assert.Throws<ImageException>(() => Measure(new Oracle(size, 1).Add(0, Code).Stream)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Every_truncation_is_refused_or_measured_as_what_is_left()
    {
        byte[] stream = new Oracle(0x4000, 1).Page(0, Tcs, Pattern(2)).Page(0x1000, Code, Pattern(3)).Stream;
        for (int length = 1; length < stream.Length; length += 61)
        {
            try
            {
                Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(stream.AsSpan(0, length))), Measure(stream[..length]).Text);
            }
            catch (ImageException)
            {
                // In the middle of a record.
            }
        }
    }

    private static MeasureResult Measure(byte[] stream)
    {
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(stream));
        return EnclaveMeasurer.Measure(image, image.PreferredVariant);
    }

    private static byte[] Pattern(int seed)
    {
        byte[] bytes = new byte[4096];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
