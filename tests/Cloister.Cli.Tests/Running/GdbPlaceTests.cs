using Cloister.Cli.Running;

namespace Cloister.Cli.Tests.Running;

/// <summary><see cref="GdbPlace"/>.</summary>
public class GdbPlaceTests
{
    [Theory]
    [InlineData("1234", "127.0.0.1:1234", "127.0.0.1:1234")]
    [InlineData(":1234", "127.0.0.1:1234", "127.0.0.1:1234")]
    [InlineData("localhost:1234", "127.0.0.1:1234", "127.0.0.1:1234")]
    [InlineData("0.0.0.0:1", "0.0.0.0:1", "0.0.0.0:1")]
    [InlineData("[::1]:99", "[::1]:99", "[::1]:99")]
    public void A_port_is_of_this_machine_where_nothing_else_is_said(string text, string shown, string address)
    {
        GdbPlace place = GdbPlace.Parse(text)!;
        Assert.Equal(shown, place.Text);
        Assert.Equal(address, place.Address!.ToString());
    }

    [Fact]
    public void What_has_a_slash_is_a_path() => Assert.Null(GdbPlace.Parse("./1234")!.Address);

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("70000")]
    [InlineData("0")]
    [InlineData("127.0.0.1:0")]
    [InlineData("host:1")]
    [InlineData("1:")]
    [InlineData("-1")]
    public void All_else_is_none(string text) => Assert.Null(GdbPlace.Parse(text));

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        Assert.Null(GdbPlace.Parse("/no-such-folder/socket")!.TryListen(out string? problem));
        Assert.Equal("/no-such-folder/socket: there is no folder /no-such-folder", problem);
    }

    [Fact]
    public void A_socket_is_this_users_alone_and_what_is_there_stays()
    {
        string folder = Directory.CreateTempSubdirectory("cloister-place-").FullName;
        try
        {
            string path = Path.Combine(folder, "socket");
            using (GdbPlace.Parse(path)!.TryListen(out string? problem))
            {
                Assert.Null(problem);
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
                Assert.Null(GdbPlace.Parse(path)!.TryListen(out problem));
                Assert.Contains(path, problem, StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
