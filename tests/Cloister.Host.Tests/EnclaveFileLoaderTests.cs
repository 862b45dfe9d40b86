using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Host.Tests;

public class EnclaveFileLoaderTests
{
    private const AttributeFlags All = (AttributeFlags)ulong.MaxValue;

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    public void Debug_is_set_where_the_mask_leaves_it_open(bool wanted, bool enforced, bool expected)
    {
        AttributeFlags mask = enforced ? All : All & ~AttributeFlags.Debug;
        Secs secs = Of(new Attributes(AttributeFlags.Mode64Bit | AttributeFlags.Init, 7), new Attributes(mask, ulong.MaxValue),
            new EnclaveLoadOptions { Debug = wanted });
        Assert.Equal(AttributeFlags.Mode64Bit | (expected ? AttributeFlags.Debug : 0), secs.Attributes.Flags);
    }

    [Theory]
    [InlineData(7, ulong.MaxValue, null, 7)]
    [InlineData(0xe7, 3, null, 3)]
    [InlineData(0xe7, 3, 7ul, 7)]
    [InlineData(3, ulong.MaxValue, 7ul, 3)]
    public void Xfrm_is_what_is_enforced_and_what_is_asked_for(ulong signed, ulong mask, ulong? asked, ulong expected) =>
        Assert.Equal(expected,
            Of(new Attributes(AttributeFlags.Mode64Bit, signed), new Attributes(All, mask), new EnclaveLoadOptions
            {
                Xfrm = asked,
            }).Attributes.Xfrm);

    [Fact]
    public void Unsigned_file_is_a_64_bit_enclave()
    {
        Secs secs = EnclaveFileLoader.SecsOf(new EnclaveVariant { Name = "test", Size = 0x10000 }, new EnclaveLoadOptions { Debug = true });
        Assert.Equal(new Attributes(AttributeFlags.Mode64Bit | AttributeFlags.Debug, 3), secs.Attributes);
        Assert.Equal((0x10000ul, 1u), (secs.Size, secs.SsaFrameSize));
    }

    private static Secs Of(Attributes attributes, Attributes mask, EnclaveLoadOptions options)
    {
        var sigstruct = new Sigstruct { Attributes = attributes, Attributemask = mask };
        return EnclaveFileLoader.SecsOf(new EnclaveVariant { Name = "test", Size = 0x10000, Sigstruct = sigstruct }, options);
    }
}
