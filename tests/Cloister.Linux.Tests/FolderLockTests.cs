namespace Cloister.Linux.Tests;

public class FolderLockTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task One_has_it_and_the_next_waits()
    {
        string folder = Directory.CreateTempSubdirectory("cloister-test-").FullName;
        FolderLock? first = FolderLock.TryTake(folder, s_patience, out Errno error);
        Assert.NotNull(first);
        Assert.Equal(Errno.None, error);
        Task<bool> second = Task.Run(() =>
        {
            using var hold = FolderLock.TryTake(folder, s_patience, out _);
            return hold is not null;
        });
        await Task.Delay(50);
        Assert.False(second.IsCompleted);
        first.Dispose();
        Assert.True(await second);
        Directory.Delete(folder);
        Assert.Null(FolderLock.TryTake(folder, s_patience, out error));
        Assert.Equal(Errno.ENOENT, error);
    }

    [Fact]
    public void Who_keeps_it_is_not_waited_for_for_ever()
    {
        string folder = Directory.CreateTempSubdirectory("cloister-test-").FullName;
        using (FolderLock.TryTake(folder, s_patience, out _))
        {
            Assert.Null(FolderLock.TryTake(folder, TimeSpan.FromMilliseconds(20), out Errno error));
            Assert.Equal(Errno.EAGAIN, error);
        }

        Directory.Delete(folder);
    }
}
