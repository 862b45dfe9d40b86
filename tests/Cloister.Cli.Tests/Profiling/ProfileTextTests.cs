using System.IO.Compression;
using System.Text;
using Cloister.Cli.Profiling;

namespace Cloister.Cli.Tests.Profiling;

/// <summary>Samples as collapsed stacks and for pprof. The conformance program covered_run has `go tool pprof` read such a file.</summary>
public class ProfileTextTests
{
    private static readonly (IReadOnlyList<ProfiledFrame> Frames, long Count)[] s_samples =
    [
        ([new("leaf", "enclave.so", "leaf.c:7"), new("[enclave 1]", "", null), new("main;", "app", "main.c:3")], 3),
        ([new("leaf", "enclave.so", "leaf.c:9"), new("[enclave 1]", "", null), new("main;", "app", "main.c:3")], 2),
        ([new("main;", "app", null)], 1),
    ];

    [Fact]
    public void Stacks_alike_are_one_line() =>
        Assert.Equal("main: 1\nmain:;[enclave 1];leaf 5\n", Encoding.UTF8.GetString(ProfileText.Collapsed(s_samples)));

    [Theory]
    [InlineData("a.pb.gz", true)]
    [InlineData("a.pprof", true)]
    [InlineData("a.txt", false)]
    [InlineData("-", false)]
    public void The_name_says_the_format(string path, bool isPprof) => Assert.Equal(isPprof, ProfileText.IsPprof(path));

    [Fact]
    public void Names_and_counts_are_in_the_message()
    {
        using var zip = new GZipStream(
            new MemoryStream(ProfileText.Pprof(s_samples, 100, DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(1))),
            CompressionMode.Decompress);
        var plain = new MemoryStream();
        zip.CopyTo(plain);
        byte[] message = plain.ToArray();

        // Two types of samples, three samples; the first has three places, a count and nanoseconds: 3 * 10 ms.
        Assert.Equal(0x0a, message[0]);
        byte[] first = [0x12, 0x0e, 0x08, 0x01, 0x08, 0x02, 0x08, 0x03, 0x10, 0x03, 0x10, 0x80, 0x87, 0xa7, 0x0e];
        Assert.True(message.AsSpan().IndexOf(first.AsSpan(2)) > 0);
        foreach (string text in (string[])["leaf", "leaf.c", "[enclave 1]", "main;", "main.c", "samples", "nanoseconds"])
        {
            Assert.True(message.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) > 0, text);
        }
    }
}
