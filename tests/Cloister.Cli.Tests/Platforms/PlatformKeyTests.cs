using Cloister.Cli.Platforms;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Platforms;

/// <summary>
/// Where the keys of a user's machine are, and that two runs at once have the same. Alone in its collection: the environment is the
/// process's.
/// </summary>
[Collection(nameof(PlatformKeyTests))]
[CollectionDefinition(nameof(PlatformKeyTests), DisableParallelization = true)]
public sealed class PlatformKeyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string? _state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("XDG_STATE_HOME", _state);
        _directory.Dispose();
    }

    [Fact]
    public void It_stays_and_is_the_users_alone()
    {
        byte[] key = Take(_directory.Path);
        Assert.Equal(key, Take(_directory.Path));
        Assert.NotEqual(key, Take(Path.Combine(_directory.Path, "other")));
        string path = Path.Combine(_directory.Path, "cloister/platforms/default/root-key");
        Assert.Equal(key, File.ReadAllBytes(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        Assert.Equal(["root-key"], Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Select(Path.GetFileName));
    }

    [Fact]
    public void Many_that_make_it_at_once_have_the_same()
    {
        for (int round = 0; round < 20; round++)
        {
            Environment.SetEnvironmentVariable("XDG_STATE_HOME", Path.Combine(_directory.Path, $"round{round}"));
            byte[][] keys = new byte[8][];
            _ = Parallel.For(0, keys.Length, i => keys[i] = PlatformKey.Take(Assert.Fail));
            Assert.All(keys, key => Assert.Equal(keys[0], key));
        }
    }

    [Fact]
    public void Where_there_is_no_place_it_is_of_this_run_and_that_is_said_in_one_line()
    {
        string file = _directory.Write("file", "");
        string? notice = null;
        Environment.SetEnvironmentVariable("XDG_STATE_HOME", file);
        byte[] key = PlatformKey.Take(text => notice = text);
        Assert.NotEqual(key, PlatformKey.Take(_ => { }));
        Assert.Contains("root-key: ", notice, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", notice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_key_is_left_alone()
    {
        _ = Take(_directory.Path);
        string path = Path.Combine(_directory.Path, "cloister/platforms/default/root-key");
        File.WriteAllBytes(path, [1, 2, 3]);
        string? notice = null;
        Assert.Equal(32, PlatformKey.Take(text => notice = text).Length);
        Assert.Contains("has 3 bytes and not 32", notice, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
    }

    private static byte[] Take(string state)
    {
        Environment.SetEnvironmentVariable("XDG_STATE_HOME", state);
        return PlatformKey.Take(Assert.Fail);
    }
}
