namespace Cloister.Linux.Tests.Sgx;

public class PageBufferTests
{
    [Fact]
    public void Pages_are_whole_aligned_and_zero()
    {
        using var buffer = PageBuffer.Allocate(4097);
        Assert.Equal((8192, 0ul), (buffer.Length, buffer.Address % 4096));
        Assert.Equal(-1, buffer.Bytes.IndexOfAnyExcept((byte)0));
        buffer.Bytes[8191] = 1;
    }

    [Fact]
    public void Bytes_are_gone_when_disposed()
    {
        var buffer = PageBuffer.Allocate(1);
        buffer.Dispose();
        buffer.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => buffer.Bytes.Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => PageBuffer.Allocate(0));
    }
}
