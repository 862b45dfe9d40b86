using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Processor.Tests;

/// <summary>Eviction as a property: what comes back is what went, or nothing comes back.</summary>
public class EvictionTests
{
    private const int EnclaveidOffset = 64;
    private static readonly Config Config = Config.QuickThrowOnFailure.WithMaxTest(200);

    private readonly World world = new();
    private readonly TestEnclave enclave;
    private readonly EpcPage versions;
    private readonly EpcPage free = new(63);

    public EvictionTests()
    {
        enclave = TestEnclave.Built(world);
        versions = world.VersionArray();
    }

    [Fact]
    public void Any_content_in_any_slot_comes_back()
        => Check.One(Config, Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), Gen.Choose(0, 511).ToArbitrary(), (content, slot) =>
        {
            Span<byte> page = world.Machine.Memory[enclave.Data];
            page.Clear();
            content.AsSpan(0, Math.Min(content.Length, 4096)).CopyTo(page);
            byte[] plain = page.ToArray();
            (byte[] evicted, byte[] pcmd, LinearAddress address) = Evict(slot);
            page.Fill(0xee);
            Expect.Success(Eldu.Execute(world.Machine, enclave.Secs, address, evicted, pcmd, versions, slot, enclave.Data));
            Assert.Equal(plain, page.ToArray());
        }));

    [Fact]
    public void Any_changed_bit_is_refused_and_loads_nothing()
    {
        (byte[] evicted, byte[] pcmd, LinearAddress address) = Evict(5);
        Arbitrary<int> bits = Gen.Choose(0, ((4096 + 128) * 8) - 1)
            .Where(bit => (bit / 8) - 4096 is < EnclaveidOffset or >= EnclaveidOffset + 8)
            .ToArbitrary();
        Check.One(Config, Prop.ForAll(bits, bit =>
        {
            (byte[] page, byte[] metadata) = ([.. evicted], [.. pcmd]);
            byte[] changed = bit / 8 < 4096 ? page : metadata;
            changed[bit / 8 % 4096] ^= (byte)(1 << (bit % 8));
            world.Machine.Memory[free].Fill(0xee);
            LeafResult result = Eldu.Execute(world.Machine, enclave.Secs, address, page, metadata, versions, 5, free);

            // A changed page type may also make the SECS operand wrong, which is looked at before the MAC.
            Assert.True(result == LeafResult.Of(SgxError.MacCompareFail) || result == LeafResult.GeneralProtection, result.ToString());
            Assert.False(world.Epcm(free).Valid);
            Assert.Equal(-1, world.Machine.Memory[free].IndexOfAnyExcept((byte)0xee));
        }));
        Expect.Success(Eldu.Execute(world.Machine, enclave.Secs, address, evicted, pcmd, versions, 5, free));
    }

    private (byte[] Evicted, byte[] Pcmd, LinearAddress Address) Evict(int slot)
    {
        (byte[] evicted, byte[] pcmd) = (new byte[4096], new byte[128]);
        enclave.BlockAndTrack(enclave.Data);
        Expect.Success(Ewb.Execute(world.Machine, enclave.Data, versions, slot, evicted, pcmd, out LinearAddress address));
        return (evicted, pcmd, address);
    }
}
