using System.Text;
using Cloister.Engine.Devices;
using Cloister.Engine.Options;
using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary><see cref="ServedPlaces"/> and <see cref="ServedLibraries"/>: which paths and addresses lead to this process.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class ServedPlacesTests : IDisposable
{
    private const string Library = "libcloister-test-nobody-has.so.1";
    private static readonly ServedLibrary s_library = new([Library, "libcloister-test-nobody-has.so"], ["one"], 0, 1, "calls");
    private readonly TestEngine _engine = new();
    private byte[]? _contents = [1, 2, 3];
    private string? _address = "the-service";

    public void Dispose() => _engine.Dispose();

    private ServedPlaces Places => new(new EngineOptions
    {
        Sockets =
        [
            new ServedSocket(["/run/other.socket"], ["other"], () => "elsewhere"),
            new ServedSocket(["/var/run/aesmd/aesm.socket", "/run/aesm.socket"], ["aesm"], () => _address),
        ],
        Files = [new ServedFile("/etc/served", () => _contents)],
        Libraries = [s_library],
    });

    [Theory]
    [InlineData("/run/aesm.socket\0and what was there before", "the-service")]
    [InlineData("/run/aesm.socket", "the-service")]
    [InlineData("/run/./aesm.socket", "the-service")]
    [InlineData("../run/aesm.socket", "the-service")]
    [InlineData("\0aesm", "the-service")]
    [InlineData("\0aesm\0\0", "the-service")]
    [InlineData("\0other", "elsewhere")]
    [InlineData("/run/aesm.socket.old", null)]
    [InlineData("aesm.socket", null)]
    [InlineData("\0aesm\0x", null)]
    [InlineData("\0/run/aesm.socket", null)]
    [InlineData("aesm", null)]
    [InlineData("", null)]
    public void An_address_leads_to_its_service(string name, string? service) =>
        Assert.Equal(service, Places.Address(Encoding.UTF8.GetBytes(name), () => "/var"));

    [Fact]
    public void A_service_that_is_not_there_now_is_not_led_to()
    {
        _address = null;

        Assert.Null(Places.Address("/run/aesm.socket"u8, () => null));
    }

    [Fact]
    public void Each_socket_is_one_socket_under_all_its_paths()
    {
        FileDescription one = Find("/run/aesm.socket")!.Value, same = Find("/var/run/aesmd/aesm.socket")!.Value,
            other = Find("/run/other.socket")!.Value;

        Assert.True(one.IsSocket && other.IsSocket);
        Assert.Equal(one, same);
        Assert.NotEqual(one.Inode, other.Inode);
        Assert.Null(Find("/run"));
    }

    [Fact]
    public void A_file_is_what_is_made_of_it_at_each_look()
    {
        Assert.Equal((0x8124u, 3L), (Find("/etc/served")!.Value.Mode, Find("/etc/served")!.Value.Size));
        Assert.Equal([1, 2, 3], Places.Contents(_engine.Thread, "/etc/served"));
        _contents = null;

        Assert.Null(Find("/etc/served"));
        Assert.Null(Places.Contents(_engine.Thread, "/etc/served"));
    }

    [Fact]
    public void A_library_is_served_where_linkers_look_and_nowhere_else()
    {
        // As on a machine that has it nowhere.
        int asked = 0;
        _engine.Held(_engine.Thread).OnCall =
            call => call.Number == SystemCall.Access ? -(long)(++asked % 2 == 0 ? Errno.ENOENT : Errno.ENOTDIR) : null;
        byte[]? image = Places.Contents(_engine.Thread, "/usr/lib/x86_64-linux-gnu/" + Library);

        Assert.Equal([0x7f, (byte)'E', (byte)'L', (byte)'F'], image!.AsSpan(0, 4).ToArray());
        Assert.Equal(image, Places.Contents(_engine.Thread, "/lib64/libcloister-test-nobody-has.so"));
        Assert.Null(Places.Contents(_engine.Thread, "/opt/lib/" + Library));
        Assert.Null(Places.Contents(_engine.Thread, "/usr/lib/libcloister-test-of-others.so"));
        Assert.True(Places.HasName("/opt/" + Library));
        Assert.False(Places.HasName("/opt/libc.so.6"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-(int)Errno.EACCES)]
    public void One_that_is_installed_in_any_of_these_places_is_not(int result)
    {
        int asked = 0;
        var libraries = new ServedLibraries([s_library]);
        _engine.Held(_engine.Thread).OnCall =
            call => call.Number != SystemCall.Access ? null : ++asked == 4 ? result : -(long)(asked == 1 ? Errno.ENOTDIR : Errno.ENOENT);

        Assert.Null(libraries.Find(_engine.Thread, "/lib/" + Library));
        Assert.Equal(6, asked);
        Assert.NotNull(libraries.Find(_engine.Thread, "/lib/" + Library));
    }

    private FileDescription? Find(string path) => Places.Find(_engine.Thread, path);
}
