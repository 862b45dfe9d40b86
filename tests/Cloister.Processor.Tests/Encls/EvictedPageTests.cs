using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>What an evicted page has in it is read as ELDU would load it, and it can be loaded afterwards.</summary>
public class EvictedPageTests
{
    private const int Slot = 3;
    private readonly World world = new();
    private readonly TestEnclave enclave;
    private readonly EpcPage versions;
    private readonly byte[] evicted = new byte[4096], pcmd = new byte[128], plain = new byte[4096], expected;

    public EvictedPageTests()
    {
        enclave = TestEnclave.Built(world);
        versions = world.VersionArray();
        new Random(5).NextBytes(world.Machine.Memory[enclave.Data]);
        expected = world.Machine.Memory[enclave.Data].ToArray();
        enclave.BlockAndTrack(enclave.Data);
        Expect.Success(Ewb.Execute(world.Machine, enclave.Data, versions, Slot, evicted, pcmd, out _));
    }

    private bool Read(int slot = Slot, ulong? eid = null, EpcPage? va = null) =>
        EvictedPage.TryRead(world.Machine, eid ?? world.Machine.EidOf(enclave.Secs), enclave.DataAddress, evicted, pcmd, va ?? versions,
            slot, plain, out _);

    [Fact]
    public void It_is_read_and_stays_evicted()
    {
        Assert.True(Read());
        Assert.Equal(expected, plain);
        Expect.Success(Eldu.Execute(world.Machine, enclave.Secs, enclave.DataAddress, evicted, pcmd, versions, Slot, enclave.Data));
        Assert.Equal(expected, world.Machine.Memory[enclave.Data].ToArray());
        Assert.False(Read());
    }

    [Fact]
    public void What_is_not_as_it_was_is_not_read()
    {
        Assert.False(Read(slot: Slot + 1));
        Assert.False(Read(eid: 77));
        Assert.False(Read(va: enclave.Secs));
        Assert.False(Read(va: new EpcPage(1 << 20)));
        evicted[100] ^= 1;
        Assert.False(Read());
        evicted[100] ^= 1;
        Assert.True(Read());
    }
}
