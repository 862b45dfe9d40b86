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
    [InlineData("leaf=EREMOVE:error=SGX_CHILD_PRESENT:when=5", "leaf=EREMOVE:error=ChildPresent:when=5")]
    [InlineData("leaf=EMODPR:error=SGX_EPC_PAGE_CONFLICT", "leaf=EMODPR:error=EpcPageConflict:when=1")]
    [InlineData("load=slow:by=20:when=2+", "load=slow:by=20:when=2+")]
    [InlineData("evict=batch", "evict=batch:when=1")]
    [InlineData("load=flip", "load=flip:bit=0:when=1")]
    [InlineData("load=flip:when=3:bit=32767", "load=flip:bit=32767:when=3")]
    [InlineData("epc=64:time=1.5", "epc=64:time=1.5")]
    [InlineData("epc=0:ioctl=3", "epc=0:ioctl=3")]
    [InlineData("epc=64:fault=1+", "epc=64:fault=1+")]
    [InlineData("evict=page:offset=0x3000:entry=2..3", "evict=page:offset=0x3000:entry=2..3")]
    [InlineData("evict=page:fault=9:enclave=2:offset=8192", "evict=page:offset=0x2000:enclave=2:fault=9")]
    [InlineData("evict=page:address=0x7f0000001000:time=0", "evict=page:address=0x7f0000001000:time=0")]
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
    [InlineData("leaf=EBLOCK:error=SGX_BLKSTATE", "it cannot fail by order: Linux warns and goes on")]
    [InlineData("leaf=EWB:error=SGX_NOT_TRACKED", "it cannot fail by order: Linux warns and goes on")]
    [InlineData("leaf=EACCEPT", "needs error=SGX_ERROR")]
    [InlineData("leaf=EACCEPT:error=NOT_TRACKED", "there is SGX_INVALID_SIG_STRUCT")]
    [InlineData("leaf=EACCEPT:error=SGX_SUCCESS", "there is SGX_INVALID_SIG_STRUCT")]
    [InlineData("load=slow", "needs by=MILLISECONDS")]
    [InlineData("load=slow:by=0", "by=MILLISECONDS, from 1")]
    [InlineData("load=slow:by=99999999999", "by=MILLISECONDS, from 1")]
    [InlineData("evict=batch:by=3", "write when=N")]
    [InlineData("evict=batch:time=3", "write when=N")]
    [InlineData("load=flip:bit=32768", "from 0 to 32767")]
    [InlineData("load=flip:bit=-1", "from 0 to 32767")]
    [InlineData("load=flip:by=3", "from 0 to 32767")]
    [InlineData("epc=64", "needs a moment: time=SECONDS, entry=N, ioctl=N or fault=N")]
    [InlineData("epc=64:when=2", "write time=SECONDS, entry=N, ioctl=N or fault=N")]
    [InlineData("epc=", "write a number of pages")]
    [InlineData("epc=-1:time=1", "write a number of pages")]
    [InlineData("epc=64M:time=1", "write a number of pages")]
    [InlineData("epc=99999999999:time=1", "write a number of pages")]
    [InlineData("epc=64:time=-1", "write time=SECONDS")]
    [InlineData("epc=64:time=NaN", "write time=SECONDS")]
    [InlineData("epc=64:time=1e9", "write time=SECONDS")]
    [InlineData("epc=64:time=", "write time=SECONDS")]
    [InlineData("epc=64:fault=0", "with N from 1")]
    [InlineData("epc=64:fault=1:time=1", "is there twice, or another in its place")]
    [InlineData("race=eaug:when=1:when=2", "is there twice, or another in its place")]
    [InlineData("epc=64:offset=0x1000:time=1", "write time=SECONDS")]
    [InlineData("evict=page:time=1", "needs offset=OFFSET")]
    [InlineData("evict=page:offset=0x1000", "needs a moment")]
    [InlineData("evict=page:offset=0x1001:time=1", "of a page")]
    [InlineData("evict=page:offset=1000:time=1", "of a page")]
    [InlineData("evict=page:offset=0x:time=1", "of a page")]
    [InlineData("evict=page:offset=0x1000:address=0x1000:time=1", "is there twice, or another in its place")]
    [InlineData("evict=page:offset=0x1000:enclave=0:time=1", "enclave=N")]
    [InlineData("evict=pages", "write race=eaug")]
    [InlineData("evict=all", "write race=eaug")]
    public void What_is_not_a_rule_is_told(string text, string told) =>
        Assert.Contains(told, InjectionText.Read(text, out _), StringComparison.Ordinal);

    [Fact]
    public void More_pages_than_the_machine_has_are_told()
    {
        Assert.Null(InjectionText.Read("epc=64:time=1,epc=65:time=2", out IReadOnlyList<InjectedFailure> failures));
        Assert.Null(InjectionText.ProblemOn(failures, 65, Generation.V6_0));
        Assert.Equal("epc=65: more pages than the machine's EPC has, 64", InjectionText.ProblemOn(failures, 64, Generation.V6_0));
    }

    [Fact]
    public void EREMOVE_fails_where_the_driver_loses_the_page_only()
    {
        Assert.Null(InjectionText.Read("leaf=EREMOVE:error=SGX_CHILD_PRESENT", out IReadOnlyList<InjectedFailure> failures));
        Assert.Null(InjectionText.ProblemOn(failures, 65, Generation.V5_11));
        Assert.Contains("isgx gives such a page out again", InjectionText.ProblemOn(failures, 65, Generation.Isgx), StringComparison.Ordinal);
    }
}
