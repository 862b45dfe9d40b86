namespace Cloister.Images.Tests.IntelSdk.Layout;

public class IntelSdkConfigurationTests
{
    [Fact]
    public void Numbers_are_read_as_c_reads_them()
    {
        IntelSdkConfiguration configuration = IntelSdkConfiguration.Parse("""
            <?xml version="1.0"?>
            <!-- before -->
            <EnclaveConfiguration>
              <ProdID>0x1f</ProdID>
              <!-- between -->
              <ISVSVN> 010 </ISVSVN>
              <TCSNum>10</TCSNum>
            </EnclaveConfiguration>
            """);
        Assert.Equal((31UL, 8UL, 10UL), (configuration["ProdID"], configuration["ISVSVN"], configuration["TCSNum"]));
        Assert.Equal((0x1000000UL, false), (configuration["HeapMaxSize"], configuration.Has("HeapMaxSize")));
    }

    [Theory]
    [InlineData("<EnclaveConfiguration/>")]
    [InlineData("<EnclaveConfiguration></EnclaveConfiguration>")]
    public void Nothing_is_the_default(string xml) => Assert.Equal(1UL, IntelSdkConfiguration.Parse(xml)["TCSNum"]);

    [Theory]
    [InlineData("", "no XML")]
    [InlineData("<EnclaveConfiguration><TCSNum>1</TCSNum>", "no XML")]
    [InlineData("<!DOCTYPE x [<!ENTITY a 'b'>]><EnclaveConfiguration/>", "no XML")]
    [InlineData("<Other/>", "does not begin with EnclaveConfiguration")]
    [InlineData("<EnclaveConfiguration>x</EnclaveConfiguration>", "text between its elements")]
    [InlineData("<EnclaveConfiguration><TCSNum a='1'>1</TCSNum></EnclaveConfiguration>", "has attributes")]
    [InlineData("<EnclaveConfiguration><TCSNumber>1</TCSNumber></EnclaveConfiguration>", "no signer knows: TCSNumber")]
    [InlineData("<EnclaveConfiguration><TCSNum/></EnclaveConfiguration>", "no number")]
    [InlineData("<EnclaveConfiguration><TCSNum>-1</TCSNum></EnclaveConfiguration>", "no number")]
    [InlineData("<EnclaveConfiguration><TCSNum>08</TCSNum></EnclaveConfiguration>", "no number")]
    [InlineData("<EnclaveConfiguration><TCSNum><x/></TCSNum></EnclaveConfiguration>", "no XML")]
    [InlineData("<EnclaveConfiguration><TCSNum>0x10000000000000000</TCSNum></EnclaveConfiguration>", "no number")]
    [InlineData("<EnclaveConfiguration><TCSNum>02000000000000000000000</TCSNum></EnclaveConfiguration>", "no number")]
    [InlineData("<EnclaveConfiguration><TCSNum>0</TCSNum></EnclaveConfiguration>", "0x1 to 0xffffffff are possible")]
    [InlineData("<EnclaveConfiguration><TCSNum>1</TCSNum><TCSNum>1</TCSNum></EnclaveConfiguration>", "stands twice")]
    public void What_is_wrong_is_said(string xml, string words)
        => Assert.Contains(words, Assert.Throws<ImageException>(() => IntelSdkConfiguration.Parse(xml)).Message, StringComparison.Ordinal);
}
