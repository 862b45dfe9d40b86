namespace Cloister.Architecture.Tests;

/// <summary>SDM 3D, "Intel SGX Resource Enumeration Leaves".</summary>
public class CpuidSgxTests
{
    [Fact]
    public void Capabilities_are_in_their_bits()
    {
        Assert.Equal(new CpuidRegisters(0xc43, 1, 0, 0x381f), CpuidSgx.Capabilities(new SgxCapabilities()));
        var old = new SgxCapabilities
        {
            Sgx2 = false,
            Oversubscription = false,
            Eupdatesvn = false,
            Edeccssa = false,
            MiscselectMask = Miscselect.None,
            MaximumEnclaveSize64 = 36,
        };
        Assert.Equal(new CpuidRegisters(1, 0, 0, 0x241f), CpuidSgx.Capabilities(old));
    }

    [Fact]
    public void Attributes_are_two_halves_of_64_bits()
    {
        var capabilities = new SgxCapabilities
        {
            AttributesMask = new Attributes((AttributeFlags)0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00),
        };
        Assert.Equal(new CpuidRegisters(0x5566_7788, 0x1122_3344, 0xddee_ff00, 0x99aa_bbcc), CpuidSgx.SecsAttributes(capabilities));
    }

    [Fact]
    public void A_section_has_address_and_size_without_their_low_bits_and_the_type()
    {
        Assert.Equal(new CpuidRegisters(0x8000_0001, 0x1, 0x4000_0001, 0x2), CpuidSgx.EpcSection(0x1_8000_0000, 0x2_4000_0000));
        Assert.Equal(default, CpuidSgx.NoEpcSection);
    }
}
