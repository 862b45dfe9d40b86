using Cloister.Cli.Tests.Harness;
using Cloister.Images;

namespace Cloister.Cli.Tests.Dumping;

/// <summary>A file that is there whole, or not at all.</summary>
public sealed class WholeFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Target => Path.Combine(_directory.Path, "file");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_there_before_it_is_whole(bool replaces)
    {
        using (var file = WholeFile.Begin(Target, WholeFile.Private))
        {
            file.Stream.Write("half"u8);
            Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
            file.Stream.Write(" and half"u8);
            file.Keep(replaces);
        }

        Assert.Equal([Target], Directory.GetFileSystemEntries(_directory.Path));
        Assert.Equal("half and half", File.ReadAllText(Target));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Target));
    }

    [Fact]
    public void One_that_is_given_up_leaves_nothing()
    {
        using (var file = WholeFile.Begin(Target, WholeFile.Public))
        {
            file.Stream.Write("half"u8);
        }

        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Theory]
    [InlineData(false, "before")]
    [InlineData(true, "after")]
    public void What_is_there_is_replaced_where_that_is_wanted(bool replaces, string content)
    {
        File.WriteAllText(Target, "before");
        using (var file = WholeFile.Begin(Target, WholeFile.Public))
        {
            file.Stream.Write("after"u8);
            if (replaces)
            {
                file.Keep(replaces);
            }
            else
            {
                ImageException told = Assert.Throws<ImageException>(() => file.Keep(replaces));
                Assert.Equal($"{Target}: it is there already, and stays as it is", told.Message);
            }
        }

        Assert.Equal([Target], Directory.GetFileSystemEntries(_directory.Path));
        Assert.Equal(content, File.ReadAllText(Target));
    }

    [Theory]
    [InlineData("none/file", "no such file or directory")]
    [InlineData("plain/file", "a part of the path is no directory")]
    public void Where_there_can_be_none_that_is_said(string path, string problem)
    {
        File.WriteAllText(Path.Combine(_directory.Path, "plain"), "");
        path = Path.Combine(_directory.Path, path);
        Assert.Equal($"{path}: {problem}", Assert.Throws<ImageException>(() => WholeFile.Begin(path, WholeFile.Public)).Message);
    }
}
