namespace Cloister.Linux.Tests;

public sealed class FileIdentityTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_file_is_the_same_until_it_is_written()
    {
        File.WriteAllText(_path, "one");
        FileIdentity before = Get();
        Assert.Equal(before, Get());
        Assert.Equal(3, before.Size);

        // As long as before, and at a time of its own whatever the clock's grain.
        File.WriteAllText(_path, "two");
        File.SetLastWriteTimeUtc(_path, new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        FileIdentity after = Get();
        Assert.Equal((before.Device, before.Inode, before.Size), (after.Device, after.Inode, after.Size));
        Assert.Equal(981_173_106_000_000_000, after.Modified);
        Assert.NotEqual(before, after);
    }

    [Fact]
    public void Links_are_followed_and_copies_differ()
    {
        string link = _path + ".link", copy = _path + ".copy";
        try
        {
            File.CreateSymbolicLink(link, _path);
            File.Copy(_path, copy);
            Assert.True(FileIdentity.TryGet(link, out FileIdentity linked));
            Assert.True(FileIdentity.TryGet(copy, out FileIdentity copied));
            Assert.Equal(Get(), linked);
            Assert.NotEqual(linked.Inode, copied.Inode);
        }
        finally
        {
            File.Delete(link);
            File.Delete(copy);
        }
    }

    [Fact]
    public void No_file_has_none() => Assert.False(FileIdentity.TryGet(_path + ".nothing", out _));

    private FileIdentity Get()
    {
        Assert.True(FileIdentity.TryGet(_path, out FileIdentity identity));
        return identity;
    }
}
