namespace Cloister.Linux.Tests;

public class FileStatusTests
{
    [Fact]
    public void Tells_what_a_file_is()
    {
        Assert.Equal(Errno.None, FileStatus.TryGet("/", out FileStatus root));
        Assert.Equal((true, false, false, 0u), (root.IsDirectory, root.IsRegular, root.IsCharacterDevice, root.Owner));
        Assert.Equal(Errno.None, FileStatus.TryGet("/dev/null", out FileStatus device));
        Assert.Equal((false, false, true), (device.IsDirectory, device.IsRegular, device.IsCharacterDevice));
        Assert.Equal(Errno.None, FileStatus.TryGet("/proc/self/exe", out FileStatus program));
        Assert.Equal((false, true, false), (program.IsDirectory, program.IsRegular, program.IsCharacterDevice));
        Assert.Equal(Errno.ENOENT, FileStatus.TryGet("/no/such/file", out _));
        Assert.Equal(Errno.ENOTDIR, FileStatus.TryGet("/dev/null/file", out _));
    }

    // inode(7): S_ISUID 04000; S_ISGID 02000 counts where the group may execute (010).
    [Theory]
    [InlineData(0x89ed, true, false)]
    [InlineData(0x85ed, false, true)]
    [InlineData(0x85e5, false, false)]
    [InlineData(0x81ed, false, false)]
    public void Set_ids(uint mode, bool user, bool group)
    {
        var status = new FileStatus(mode, 0, 0);
        Assert.Equal((user, group), (status.IsSetUserId, status.IsSetGroupId));
    }

    [Fact]
    public void Execution_is_asked()
    {
        Assert.True(FileStatus.MayExecute("/bin/sh"));
        Assert.False(FileStatus.MayExecute("/proc/self/maps"));
        Assert.False(FileStatus.MayExecute("/no/such/file"));
    }
}
