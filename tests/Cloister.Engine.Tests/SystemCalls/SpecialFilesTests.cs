using System.Text;
using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.SystemCalls;

public sealed class SpecialFilesTests : IDisposable
{
    private readonly OwnThread _own = new();
    private readonly ulong _text = OwnMemory.Map(2);

    public void Dispose()
    {
        OwnMemory.Unmap(_text, 2);
        _own.Dispose();
    }

    [Theory]
    [InlineData("/dev/sgx_enclave", "/dev/sgx_enclave")]
    [InlineData("/dev/sgx", "/dev/sgx")]
    [InlineData("/dev/isgx", "/dev/isgx")]
    [InlineData("//dev/./sgx_enclave", "/dev/sgx_enclave")]
    [InlineData("/dev/shm/../sgx/enclave", "/dev/sgx/enclave")]
    public void Paths_of_devices_are_made_full(string path, string full) => Assert.Equal(full, AskedPath.Of(_own.Thread, Put(path)));

    [Theory]
    [InlineData("/proc/cpuinfo")]
    [InlineData("/sys/devices/system/node/node0/x86/sgx_total_bytes")]
    [InlineData("/proc/self/fd/7")]
    public void Other_paths_that_matter(string path) => Assert.Equal(path, AskedPath.Of(_own.Thread, Put(path)));

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("/dev/null")]
    [InlineData("relative")]
    [InlineData("")]
    public void Most_paths_are_not_looked_at(string path) => Assert.Null(AskedPath.Of(_own.Thread, Put(path)));

    [Fact]
    public void A_relative_path_begins_at_the_threads_directory() =>
        Assert.Equal(Path.GetFullPath("../sgx_enclave"), AskedPath.Of(_own.Thread, Put("../sgx_enclave")));

    [Fact]
    public void A_wild_pointer_is_no_path()
    {
        Assert.Null(AskedPath.Of(_own.Thread, 0));
        Assert.Null(AskedPath.Of(_own.Thread, ulong.MaxValue));
    }

    private ulong Put(string text)
    {
        Assert.True(_own.Space.Memory.TryWrite(_text, Encoding.UTF8.GetBytes(text + "\0")));
        return _text;
    }
}
