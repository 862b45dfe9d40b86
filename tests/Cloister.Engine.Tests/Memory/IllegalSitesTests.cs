using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.Memory;

public sealed class IllegalSitesTests : IDisposable
{
    private readonly EnclaveFiles _files = new();
    private readonly EnclaveFile _file;

    public IllegalSitesTests()
    {
        _file = _files.Open();
        (Page(0)[100], Page(0)[101]) = (0x0f, 0xa2);
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void One_byte_stands_for_the_instruction()
    {
        var site = new IllegalSite(_file, 100, 0xa2);
        site.Replace();
        Assert.Equal((0x0f, 0x0b, true, false), (Page(0)[100], Page(0)[101], site.IsThere, site.IsGuarded));
        site.PutBack();
        Assert.Equal((0x0f, 0xa2, true, true), (Page(0)[100], Page(0)[101], site.IsThere, site.IsGuarded));
    }

    [Fact]
    public void What_the_enclave_has_written_stays()
    {
        var site = new IllegalSite(_file, 100, 0xa2);
        site.Replace();
        Page(0)[101] = 0x1f;
        Assert.False(site.IsThere);
        site.PutBack();
        Assert.Equal(0x1f, Page(0)[101]);
        site.Replace();
        Assert.Equal(0x1f, Page(0)[101]);
    }

    [Fact]
    public void A_copy_is_what_the_program_wrote()
    {
        var site = new IllegalSite(_file, 100, 0xa2);
        _file.IllegalSites.Add(site);
        site.Replace();
        Assert.Equal(0xa2, _file.Contents(0)[101]);
        Assert.Equal(0x0b, Page(0)[101]);
    }

    [Fact]
    public void One_across_two_pages_has_a_byte_in_each()
    {
        (Page(0)[4095], Page(4096)[0]) = (0x0f, 0x05);
        var site = new IllegalSite(_file, 4095, 0x05);
        _file.IllegalSites.Add(site);
        site.Replace();
        Assert.Equal((0x0f, 0x0b), (Page(0)[4095], Page(4096)[0]));
        Assert.Equal(0x05, _file.Contents(4096)[0]);
        Assert.Equal(0x0f, _file.Contents(0)[4095]);
        Assert.Equal([site], _file.IllegalSites.TakePage(4096));
        Assert.True(_file.IllegalSites.IsEmpty);
    }

    [Fact]
    public void They_are_found_by_address_and_page()
    {
        var site = new IllegalSite(_file, 100, 0xa2);
        _file.IllegalSites.Add(site);
        Assert.Same(site, _file.IllegalSites.At(100));
        Assert.Null(_file.IllegalSites.At(101));
        Assert.Equal([site], _file.IllegalSites.In(0));
        _file.IllegalSites.Remove(site);
        Assert.True(_file.IllegalSites.IsEmpty);
    }

    private Span<byte> Page(ulong offset) => _file.Bytes(offset);
}
