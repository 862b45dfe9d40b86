using Cloister.Cli.Running;
using Cloister.Driver;

namespace Cloister.Cli.Tests.Running;

public class InjectionTextTests
{
    [Theory]
    [InlineData("race=eaug", "race=eaug:when=1")]
    [InlineData("race=eaug:when=3+", "race=eaug:when=3+")]
    [InlineData("ioctl=any:error=EAGAIN", "ioctl=any:error=EAGAIN:when=1")]
    [InlineData("ioctl=SGX_IOC_ENCLAVE_INIT:when=2..4:error=EINTR", "ioctl=SGX_IOC_ENCLAVE_INIT:error=EINTR:when=2..4")]
    [InlineData("leaf=EACCEPT:error=SGX_NOT_TRACKED:when=2", "leaf=EACCEPT:error=NotTracked:when=2")]
    [InlineData("leaf=EMODPR:error=SGX_EPC_PAGE_CONFLICT", "leaf=EMODPR:error=EpcPageConflict:when=1")]
    [InlineData("load=slow:by=20:when=2+", "load=slow:by=20:when=2+")]
    [InlineData("evict=batch", "evict=batch:when=1")]
    public void A_rule_is_read(string text, string rule)
    {
        Assert.Null(InjectionText.Read(text, out IReadOnlyList<InjectedFailure> failures));
        Assert.Equal(rule, Assert.Single(failures).ToString());
    }

    [Fact]
    public void Rules_have_commas_between_them()
    {
        Assert.Null(InjectionText.Read("race=eaug,ioctl=any:error=EIO", out IReadOnlyList<InjectedFailure> failures));
        Assert.Equal([InjectedKind.AugmentRace, InjectedKind.Ioctl], failures.Select(failure => failure.Kind));
    }

    [Theory]
    [InlineData("", "write race=eaug")]
    [InlineData("race=fork", "write race=eaug")]
    [InlineData("race=eaug,", "write race=eaug")]
    [InlineData("race=eaug:when=0", "with N from 1")]
    [InlineData("race=eaug:when=", "with N from 1")]
    [InlineData("race=eaug:when=+", "with N from 1")]
    [InlineData("race=eaug:when=4..2", "with N from 1")]
    [InlineData("race=eaug:when=1..2..3", "with N from 1")]
    [InlineData("race=eaug:when=99999999999999999999", "with N from 1")]
    [InlineData("race=eaug:error=EIO", "write when=N")]
    [InlineData("ioctl=SGX_IOC_ENCLAVE_INIT", "needs error=ERRNO")]
    [InlineData("ioctl=SGX_IOC_ENCLAVE_INNIT:error=EIO", "did you mean SGX_IOC_ENCLAVE_INIT?")]
    [InlineData("ioctl=any:error=EWHAT", "there is EPERM")]
    [InlineData("ioctl=any:error=", "there is EPERM")]
    [InlineData("ioctl=any:error=None", "there is EPERM")]
    [InlineData("ioctl=any:error=5", "there is EPERM")]
    [InlineData("leaf=EENTER:error=SGX_NOT_TRACKED", "there is EAUG")]
    [InlineData("leaf=EACCEPT", "needs error=SGX_ERROR")]
    [InlineData("leaf=EACCEPT:error=NOT_TRACKED", "there is SGX_INVALID_SIG_STRUCT")]
    [InlineData("leaf=EACCEPT:error=SGX_SUCCESS", "there is SGX_INVALID_SIG_STRUCT")]
    [InlineData("load=slow", "needs by=MILLISECONDS")]
    [InlineData("load=slow:by=0", "by=MILLISECONDS, from 1")]
    [InlineData("load=slow:by=99999999999", "by=MILLISECONDS, from 1")]
    [InlineData("evict=batch:by=3", "write when=N")]
    [InlineData("evict=all", "write race=eaug")]
    public void What_is_not_a_rule_is_told(string text, string told) =>
        Assert.Contains(told, InjectionText.Read(text, out _), StringComparison.Ordinal);
}
