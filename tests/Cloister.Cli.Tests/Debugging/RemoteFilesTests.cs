using System.Text;
using Cloister.Cli.Debugging;

namespace Cloister.Cli.Tests.Debugging;

/// <summary><see cref="RemoteFiles"/>: what may be read is, nothing is written, and no file makes it wait.</summary>
public sealed class RemoteFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-files-").FullName;
    private readonly RemoteFiles _files = new();

    public void Dispose()
    {
        _files.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Do(string request) => Encoding.Latin1.GetString(_files.Do(request));

    private static string Name(string path) => RemoteText.Digits(path);

    private string File(string text)
    {
        string path = Path.Combine(_folder, "file");
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    [Fact]
    public void A_file_is_read()
    {
        Assert.Equal("F3", Do($"open:{Name(File("some text"))},0,0"));
        Assert.Equal("F4;text", Do("pread:3,10,5"));
        Assert.Equal("F0;", Do("pread:3,10,100"));
        Assert.StartsWith("F40;", Do("fstat:3"), StringComparison.Ordinal);
        Assert.Equal("F0", Do("close:3"));
        Assert.Equal("F-1,9", Do("pread:3,10,0"));
    }

    [Fact]
    public void What_the_kernel_makes_is_read() => Assert.Equal("F3", Do($"open:{Name("/proc/self/maps")},0,0"));

    [Fact]
    public void A_link_is_read()
    {
        string path = Path.Combine(_folder, "link");
        System.IO.File.CreateSymbolicLink(path, "there");
        Assert.Equal("F5;there", Do($"readlink:{Name(path)}"));
        Assert.Equal("F-1,16", Do($"readlink:{Name(File(""))}"));
    }

    [Theory]
    [InlineData("/dev/zero", "F-1,2")]
    [InlineData("/", "F-1,2")]
    [InlineData("relative", "F-1,2")]
    [InlineData("/no/such/file", "F-1,2")]
    public void What_is_no_file_is_not_opened(string path, string answer) => Assert.Equal(answer, Do($"open:{Name(path)},0,0"));

    [Fact]
    public void Nothing_is_written()
    {
        string path = File("x");
        Assert.Equal("F-1,1", Do($"open:{Name(path)},1,0"));
        Assert.Equal("F-1,1", Do($"unlink:{Name(path)}"));
        Assert.Equal("F-1,1", Do("pwrite:3,0,text"));
        Assert.True(System.IO.File.Exists(path));
    }

    [Theory]
    [InlineData("open:zz,0,0")]
    [InlineData("open:")]
    [InlineData("pread:3,1,1")]
    [InlineData("pread:ffffffffffff,1,1")]
    [InlineData("close:")]
    [InlineData("fstat:x")]
    public void What_is_wrong_is_an_error(string request) => Assert.StartsWith("F-1,", Do(request), StringComparison.Ordinal);

    [Fact]
    public void What_is_not_known_has_no_answer() => Assert.Equal("", Do("format:disk"));

    [Fact]
    public void Not_more_than_some_are_open()
    {
        string name = Name(File("x"));
        string last = "";
        for (int i = 0; i < 100; i++)
        {
            last = Do($"open:{name},0,0");
        }

        Assert.Equal("F-1,17", last);
    }
}
