namespace Cloister.Architecture.Tests;

public class LinearAddressTests
{
    [Theory]
    [InlineData(0x1234ul, 0x1000ul, 0x234)]
    [InlineData(0x1000ul, 0x1000ul, 0)]
    [InlineData(ulong.MaxValue, 0xffff_ffff_ffff_f000ul, 0xfff)]
    public void An_address_is_a_page_and_an_offset(ulong value, ulong page, int offset)
    {
        var address = new LinearAddress(value);
        Assert.Equal((new LinearAddress(page), offset, offset == 0), (address.PageBase, address.PageOffset, address.IsPageAligned));
        Assert.Equal(address, address.PageBase + (ulong)offset);
    }

    [Theory]
    [InlineData(0ul, true)]
    [InlineData(0x7fff_ffff_fffful, true)]
    [InlineData(0x8000_0000_0000ul, false)]
    [InlineData(0xffff_7fff_ffff_fffful, false)]
    [InlineData(0xffff_8000_0000_0000ul, true)]
    [InlineData(ulong.MaxValue, true)]
    public void Canonical_addresses_repeat_bit_47(ulong value, bool canonical)
        => Assert.Equal(canonical, new LinearAddress(value).IsCanonical);

    [Fact]
    public void Arithmetic_wraps_and_comparison_is_unsigned()
    {
        LinearAddress top = new(ulong.MaxValue);
        Assert.Equal(new LinearAddress(0), top + 1);
        Assert.Equal(top, new LinearAddress(0) - 1);
        Assert.Equal(1ul, new LinearAddress(0) - top);
        Assert.True(top > new LinearAddress(1) && new LinearAddress(1) < top && top >= new LinearAddress(ulong.MaxValue)
            && top <= new LinearAddress(ulong.MaxValue));
        Assert.Equal((top.Add(1), top.Subtract(1)), (top + 1, top - 1));
        Assert.Equal("0x1f", new LinearAddress(31).ToString());
    }

    [Fact]
    public void Alignment_is_to_a_power_of_two()
    {
        Assert.True(new LinearAddress(512).IsAlignedTo(512));
        Assert.False(new LinearAddress(256).IsAlignedTo(512));
    }

    [Fact]
    public void No_page_is_none()
    {
        Assert.True(EpcPage.None.IsNone);
        Assert.False(new EpcPage(0).IsNone);
        Assert.Equal(("epc:none", "epc:7"), (EpcPage.None.ToString(), new EpcPage(7).ToString()));
    }
}
