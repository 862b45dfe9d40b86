using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Fast;

/// <summary><see cref="StubPlaces"/>: where stubs lie, and whose they are.</summary>
public sealed class StubPlacesTests : FastPathTestCase
{
    private const ulong Near = 0x2_0000_0000, FirstSite = 0x2_1000_0000;
    private static readonly JumpTargets s_targets = new(Near, Near + 0x1000_0000);

    public StubPlacesTests() => Held.OnCall = call => call.Number == SystemCall.Mremap ? (long)call.Arguments[4] : (long)call.Arguments[0];

    private TestThread Held => (TestThread)_own.Thread.Held;

    private StubPlaces Stubs => _path.Stubs;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_stub_lies_where_its_site_can_jump_and_its_ENCLU_is_the_sites(bool inEnclave)
    {
        ulong address = Place(FirstSite, inEnclave)!.Value;
        Assert.InRange(address, s_targets.First, s_targets.Last);
        byte[] expected = inEnclave ? ExitStub.Assemble(address, FirstSite).Code : [];
        Assert.Equal(expected, _file.Slice(FastLayout.Stubs, expected.Length).ToArray());
        int enclu = _file.Slice(FastLayout.Stubs, 1024).IndexOf((byte[])[0x0f, 0x01, 0xd7]);
        Assert.True(enclu > 0);

        Assert.Equal(FirstSite, Stubs.SiteOf(address + (ulong)enclu));
        Assert.Equal(FirstSite + 1, Stubs.SiteOf(FirstSite + 1));
        _own.Thread.Registers = AtEnclu with { Rip = address, Es = 0 };
        Assert.True(Stubs.Normalise(_own.Thread, SlotNumber));
        Assert.Equal(address + (ulong)enclu, _own.Thread.Peek().Rip);
    }

    [Fact]
    public void A_page_takes_four_and_is_mapped_once()
    {
        // Really, in this process: what is there is not free any more.
        _own.Space.Table = MappedFile.Create("area", Area.Length);
        (Held.OnCall, Held.OwnKernel) = (null, new TestKernel());
        ulong[] places = [.. Enumerable.Range(0, 5).Select(i => Place(FirstSite + (ulong)i * 64, inEnclave: i % 2 == 0)!.Value)];

        Assert.Equal([0UL, 1024, 2048, 3072], places[..4].Select(place => place - places[0]));
        Assert.NotEqual(places[0] & ~4095UL, places[4] & ~4095UL);
        Assert.Equal(2, Held.Calls.Count(call => call.Number == SystemCall.Mremap));
        Assert.Equal([Area.Fast + FastLayout.Stubs, Area.Fast + FastLayout.Stubs + 4096],
            Held.Calls.Where(call => call.Number == SystemCall.Mremap).Select(call => call.Arguments[0]));
        byte[] there = new byte[16];
        Assert.True(_own.Space.Memory.TryRead(places[4], there));
        Assert.Equal(_file.Slice(FastLayout.Stubs + 4096, 16).ToArray(), there);
        OwnMemory.Unmap(places[0], 1);
        OwnMemory.Unmap(places[4], 1);
    }

    [Fact]
    public void A_page_that_is_too_far_is_no_place()
    {
        ulong near = Place(FirstSite, inEnclave: false)!.Value;
        var far = new JumpTargets(0x3_0000_0000, 0x3_1000_0000);

        Assert.InRange(Stubs.Place(_own.Thread, 0x3_2000_0000, far, inEnclave: false)!.Value, far.First, far.Last);
        Assert.Equal(near + 1024, Place(FirstSite + 64, inEnclave: false));
    }

    [Fact]
    public void Where_nothing_can_be_mapped_there_is_none()
    {
        Held.OnCall = call => -(long)Errno.ENOMEM;
        Assert.Null(Place(FirstSite, inEnclave: false));

        // The next one is tried anew, in the file's first page still.
        Held.OnCall = call => call.Number == SystemCall.Mremap ? (long)call.Arguments[4] : (long)call.Arguments[0];
        Assert.NotNull(Place(FirstSite, inEnclave: false));
        Assert.Equal(Area.Fast + FastLayout.Stubs, Held.Calls.Last(call => call.Number == SystemCall.Mremap).Arguments[0]);
    }

    [Fact]
    public void A_forked_program_has_its_parents_stubs()
    {
        ulong address = Place(FirstSite, inEnclave: true)!.Value;
        var child = new StubPlaces(new FastTables(_file), _ => { });
        _own.Thread.Registers = AtEnclu with { Rip = address };
        Assert.False(child.Normalise(_own.Thread, SlotNumber));
        child.Inherit(Stubs);

        Assert.True(child.Normalise(_own.Thread, SlotNumber));
        Assert.Equal(FirstSite, child.SiteOf(_own.Thread.Peek().Rip));
    }

    private ulong? Place(ulong site, bool inEnclave) => Stubs.Place(_own.Thread, site, s_targets, inEnclave);
}
