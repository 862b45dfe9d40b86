using System.Text.Json.Nodes;
using Cloister.Cli.Containers;

namespace Cloister.Cli.Tests.Containers;

public class ContainerAnnotationsTests
{
    [Fact]
    public void They_are_options_of_run()
    {
        Assert.Equal(["--epc=64M", "--engine=trap", "--no-sgx2"],
            Options("""{"cloister.dev/epc":"64M","org.example/epc":"x","cloister.dev/engine":"trap","cloister.dev/no-sgx2":"true","cloister.dev/quiet":"false"}"""));
        Assert.Empty(ContainerAnnotations.Options(null));
    }

    [Theory]
    [InlineData("""{"cloister.dev/epcc":"1M"}""", "epcc is no option")]
    [InlineData("""{"cloister.dev/epc":"much"}""", "not a size")]
    [InlineData("""{"cloister.dev/epc":1}""", "no text")]
    [InlineData("""{"cloister.dev/output":"/etc/passwd"}""", "names a file")]
    [InlineData("""{"cloister.dev/policy":"/etc/shadow"}""", "names a file")]
    [InlineData("""{"cloister.dev/help":"true"}""", "no option")]
    [InlineData("""{"cloister.dev/cpu":"help"}""", "no processor")]
    [InlineData("""{"cloister.dev/no-sgx2":"1"}""", "neither true nor false")]
    [InlineData("""{"cloister.dev/seed":"a","cloister.dev/platform":"new"}""", "both say whose keys")]
    [InlineData("""{"cloister.dev/":"a"}""", "no option")]
    public void What_is_no_option_is_refused(string json, string reason) =>
        Assert.Contains(reason, Assert.Throws<ContainerException>(() => Options(json)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"sgx.intel.com/epc":"64Mi"}""", "--epc=67108864")]
    [InlineData("""{"sgx.intel.com/epc":"400"}""", "--epc=4096")]
    [InlineData("""{"sgx.intel.com/epc":"64Mi","cloister.dev/epc":"8M"}""", "--epc=8M")]
    [InlineData("""{"sgx.intel.com/quote-provider":"aesmd"}""", "")]
    public void A_pod_has_the_EPC_that_it_asked_for(string json, string options) => Assert.Equal(options, string.Join(' ', Options(json)));

    [Theory]
    [InlineData("""{"sgx.intel.com/epc":"0"}""", "0 is no amount")]
    [InlineData("""{"sgx.intel.com/epc":"much\u001b"}""", "much? is no amount")]
    [InlineData("""{"sgx.intel.com/epc":["1"]}""", "what is there is no amount")]
    [InlineData("""{"sgx.intel.com/epc":"1Ei"}""", "1Ei is no amount")]
    public void What_is_no_amount_of_EPC_is_refused(string json, string reason) =>
        Assert.Contains(reason, Assert.Throws<ContainerException>(() => Options(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void No_annotation_writes_to_a_terminal() =>
        Assert.All(["""{"cloister.dev/engine":"\u001b[2J\n"}""", """{"cloister.dev/\u001b[2J":"x"}"""], json =>
            Assert.DoesNotContain(Assert.Throws<ContainerException>(() => Options(json)).Message, char.IsControl));

    [Theory]
    [InlineData("""{"io.kubernetes.cri.container-type":"sandbox"}""", true)]
    [InlineData("""{"io.kubernetes.cri-o.ContainerType":"sandbox"}""", true)]
    [InlineData("""{"io.kubernetes.cri.container-type":"container"}""", false)]
    [InlineData("""{"io.kubernetes.cri.container-type":["sandbox"]}""", false)]
    [InlineData("{}", false)]
    public void What_only_holds_a_pod_is_told_from_what_runs(string json, bool sandbox) =>
        Assert.Equal(sandbox, ContainerAnnotations.IsSandbox((JsonObject)JsonNode.Parse(json)!));

    private static IReadOnlyList<string> Options(string json) => ContainerAnnotations.Options((JsonObject)JsonNode.Parse(json)!);
}
