namespace Cloister.Linux.Tests;

public class FolderLockTests
{
    [Fact]
    public async Task One_has_it_and_the_next_waits()
    {
        string folder = Directory.CreateTempSubdirectory("cloister-test-").FullName;
        FolderLock? first = FolderLock.TryTake(folder, out Errno error);
        Assert.NotNull(first);
        Assert.Equal(Errno.None, error);
        Task<bool> second = Task.Run(() =>
        {
            using var hold = FolderLock.TryTake(folder, out _);
            return hold is not null;
        });
        await Task.Delay(50);
        Assert.False(second.IsCompleted);
        first.Dispose();
        Assert.True(await second);
        Directory.Delete(folder);
        Assert.Null(FolderLock.TryTake(folder, out error));
        Assert.Equal(Errno.ENOENT, error);
    }
}
