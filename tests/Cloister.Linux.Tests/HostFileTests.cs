namespace Cloister.Linux.Tests;

public sealed class HostFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(100_000)]
    public void A_file_is_read_whole(int length)
    {
        byte[] bytes = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];
        File.WriteAllBytes(_path, bytes);
        Assert.Equal(bytes, HostFile.TryRead(_path));
    }

    [Fact]
    public void A_file_that_does_not_know_its_length_too() => Assert.Contains((byte)'\n', HostFile.TryRead("/proc/self/maps")!);

    [Fact]
    public void What_cannot_be_read_is_null()
    {
        Assert.Null(HostFile.TryRead(_path + ".none"));
        Assert.Null(HostFile.TryRead(Path.GetTempPath()));
        Assert.Null(HostFile.TryOpen(_path + ".none", out Errno error));
        Assert.Equal(Errno.ENOENT, error);
    }

    [Fact]
    public void What_is_longer_than_asked_for_is_null()
    {
        File.WriteAllBytes(_path, new byte[10_000]);
        Assert.Null(HostFile.TryRead(_path, 9_999));
        Assert.Equal(10_000, HostFile.TryRead(_path, 10_000)!.Length);
    }

    [Fact]
    public void Nobody_is_waited_for()
    {
        // A program may put a FIFO where a file was looked for.
        string fifo = _path + ".fifo";
        using (var make = System.Diagnostics.Process.Start("mkfifo", fifo))
        {
            make.WaitForExit();
        }

        byte[]? read = HostFile.TryRead(fifo);
        File.Delete(fifo);
        Assert.Null(read);
    }

    [Fact]
    public void Bytes_are_read_where_they_lie()
    {
        File.WriteAllBytes(_path, [1, 2, 3, 4, 5]);
        using HostFile file = HostFile.TryOpen(_path, out _)!;
        byte[] two = new byte[2];
        Assert.True(file.TryReadExactly(two, 3));
        Assert.Equal([4, 5], two);
        Assert.False(file.TryReadExactly(two, 4));
        Assert.Equal(1, file.ReadAt(two, 4));
        Assert.Equal(0, file.ReadAt(two, 5));
    }
}
