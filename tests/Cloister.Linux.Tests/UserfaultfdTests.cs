using Cloister.Linux.Tests.Harness;
using Xunit.Abstractions;

namespace Cloister.Linux.Tests;

/// <summary>
/// On this process's own memory. A page is looked at by process_vm_readv, to which a refused page is EFAULT and not SIGBUS.
/// </summary>
public sealed class UserfaultfdTests : IDisposable
{
    private const int Page = 4096;
    private readonly ITestOutputHelper _output;
    private readonly MappedFile _file = MappedFile.Create("watched", 8 * Page);
    private readonly RemoteMemory _memory = new(Environment.ProcessId);
    private readonly ulong _start;
    private readonly Userfaultfd? _presence;

    public UserfaultfdTests(ITestOutputHelper output)
    {
        _output = output;
        _file.Slice(0, 8 * Page).Fill(0x5a);
        using MappedFile other = MappedFile.Map((int)NativeMethods.SystemCall(32, _file.Descriptor, 0, 0, 0, 0, 0), 0, 8 * Page);
        other.Share();
        _start = OwnMemory.AddressOf(other.Slice(0, Page));
        const long closeOnExec = 0x80000;
        int descriptor = (int)NativeMethods.SystemCall(SystemCall.Userfaultfd, closeOnExec | Userfaultfd.UserModeOnly, 0, 0, 0, 0, 0);
        if (descriptor < 0)
        {
            _output.WriteLine($"skipped: userfaultfd: {NativeMethods.LastError}");
            return;
        }

        try
        {
            _presence = new Userfaultfd(descriptor);
        }
        catch (LinuxException e)
        {
            _output.WriteLine($"skipped: {e.Message}");
        }
    }

    public void Dispose()
    {
        _presence?.Dispose();
        OwnMemory.Unmap(_start, 8);
        _file.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void A_watched_page_is_absent_until_it_is_granted()
    {
        if (!Watch())
        {
            return;
        }

        Assert.False(Reads(0));
        Assert.Equal(Errno.None, _presence!.Continue(_start, Page, writeProtected: false));
        Assert.True(Reads(0));
        Assert.True(Writes(0));
        Assert.False(Reads(1));
    }

    [Fact]
    public void A_grant_may_be_read_only()
    {
        if (!Watch())
        {
            return;
        }

        Assert.Equal(Errno.None, _presence!.Continue(_start + Page, Page, writeProtected: true));
        Assert.True(Reads(1));
        Assert.False(Writes(1));
        Assert.Equal(Errno.None, _presence.WriteProtect(_start + Page, Page, on: false));
        Assert.True(Writes(1));
        Assert.Equal(Errno.None, _presence.WriteProtect(_start + Page, Page, on: true));
        Assert.False(Writes(1));
        Assert.True(Reads(1));
    }

    [Fact]
    public void Pages_that_are_mapped_already_are_passed_over()
    {
        if (!Watch())
        {
            return;
        }

        Assert.Equal(Errno.None, _presence!.Continue(_start + 2 * Page, Page, writeProtected: false));
        Assert.Equal(Errno.None, _presence.Continue(_start + 5 * Page, Page, writeProtected: false));
        Assert.Equal(Errno.None, _presence.Continue(_start, 8 * Page, writeProtected: false));
        Assert.All(Enumerable.Range(0, 8), page => Assert.True(Reads(page)));
    }

    [Fact]
    public void Punching_takes_a_page_away_and_its_bytes()
    {
        if (!Watch())
        {
            return;
        }

        Assert.Equal(Errno.None, _presence!.Continue(_start, 2 * Page, writeProtected: false));
        _file.Punch(0, Page);
        Assert.False(Reads(0));
        Assert.True(Reads(1));

        // What is not in the file cannot be granted.
        Assert.Equal(Errno.EFAULT, _presence.Continue(_start, Page, writeProtected: false));
        _file.Slice(0, 1)[0] = 1;
        Assert.Equal(Errno.None, _presence.Continue(_start, Page, writeProtected: false));
        Assert.True(Reads(0));
    }

    [Fact]
    public void What_is_no_longer_watched_comes_by_itself()
    {
        if (!Watch())
        {
            return;
        }

        Assert.Equal(Errno.None, _presence!.Unregister(_start, 4 * Page));
        Assert.True(Reads(3));
        Assert.False(Reads(4));
    }

    [Fact]
    public void What_cannot_be_watched_is_an_answer()
    {
        if (!Watch())
        {
            return;
        }

        Assert.Equal(Errno.EINVAL, _presence!.Register(_start + 1, Page));
        Assert.Equal(Errno.EINVAL, _presence.Register(_start, 0));
        Assert.NotEqual(Errno.None, _presence.Continue(0x1000, Page, writeProtected: false));
    }

    [Fact]
    public void Probe_tells_what_the_handshake_tells()
    {
        Errno error = Userfaultfd.Probe(out ulong features);
        bool complete = error == Errno.None && Userfaultfd.NeededFeatures.All(feature => (features & feature.Bit) != 0);
        Assert.Equal(_presence is not null, complete);
    }

    [Fact]
    public void What_is_no_userfaultfd_throws()
    {
        var thrown =
            Assert.Throws<LinuxException>(() => new Userfaultfd((int)NativeMethods.SystemCall(32, _file.Descriptor, 0, 0, 0, 0, 0)));
        Assert.Equal("ioctl(UFFDIO_API)", thrown.Call);
    }

    // False where the kernel refuses, which a line in the test's output says.
    private bool Watch()
    {
        if (_presence is null)
        {
            return false;
        }

        Assert.Equal(Errno.None, _presence.Register(_start, 8 * Page));
        return true;
    }

    private bool Reads(int page)
    {
        byte[] bytes = new byte[1];
        return _memory.TryRead(_start + (ulong)(page * Page), bytes);
    }

    private bool Writes(int page) => _memory.TryWrite(_start + (ulong)(page * Page), [0x77]);
}
