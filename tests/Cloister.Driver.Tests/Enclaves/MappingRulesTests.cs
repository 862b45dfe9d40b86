using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Enclaves;

public class MappingRulesTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void BeforeInitAnyRangeIsAllowedWhereThereIsNoPage()
    {
        var enclave = _machine.Open();
        Assert.Equal(0, MayMap(enclave, new(0), new(1UL << 47), (Protection)7));
    }

    [Fact]
    public void NoPageIsMappedWithMoreThanItWasBuiltWith()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(0, MayMap(enclave, Page(EnclaveImage.CodePage), Page(EnclaveImage.DataPage), Protection.Read | Protection.Execute));
        Assert.Equal(-(int)Errno.EACCES, MayMap(enclave, Page(EnclaveImage.CodePage), Page(EnclaveImage.DataPage), Protection.Write));
        Assert.Equal(-(int)Errno.EACCES, MayMap(enclave, Page(0), Page(1024), ReadWrite));
        Assert.Equal(0, MayMap(enclave, Page(0), Page(1024), Protection.Read));
        Assert.Equal(0, MayMap(enclave, Page(0), Page(1024), Protection.None));
        Assert.Equal(0, MayMap(enclave, Page(EnclaveImage.DataPage), Page(1024), ReadWrite));
    }

    [Fact]
    public void ATcsIsMappedForReadAndWriteThoughItsSecinfoHasNoPermission()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(0, MayMap(enclave, Page(0), Page(1), ReadWrite));
        Assert.Equal(-(int)Errno.EACCES, MayMap(enclave, Page(0), Page(1), Protection.Execute));
    }

    [Fact]
    public void AnInitialisedEnclaveIsNotMappedOutsideItsRange()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(-(int)Errno.EACCES, MayMap(enclave, Page(0) - 4096, Page(1), Protection.None));
        Assert.Equal(-(int)Errno.EACCES, MayMap(enclave, Page(1023), Page(1025), Protection.None));
        Assert.Equal(0, MayMap(enclave, Page(1023), Page(1024), Protection.None));
    }

    [Fact]
    public void ReadImpliesExecuteIsRefused() =>
        Assert.Equal(-(int)Errno.EACCES, _machine.Driver.MayMap(_machine.Open(), Page(0), Page(1), Protection.None, readImpliesExecute: true));

    [Fact]
    public void APrivateMappingIsEinvalBeforeAnythingElse()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(-(int)Errno.EINVAL, _machine.Driver.Mmap(enclave, _machine.Program, Page(0) - 4096, Page(2000), Protection.Read, isPrivate: true));
    }

    [Fact]
    public void AWrittenOutPageStillHasItsMaximum()
    {
        var machine = new TestMachine(epcPages: 24);
        var enclave = machine.Build(_image with { HeapPages = 60 });
        Assert.True(machine.Statistics.Evictions > 0);
        Assert.Equal(-(int)Errno.EACCES, machine.Driver.MayMap(enclave, Page(0), Page(1024), Protection.Execute));
    }

    private LinearAddress Page(int page) => _image.At(page);

    private int MayMap(SgxEnclave enclave, LinearAddress start, LinearAddress end, Protection protection) =>
        _machine.Driver.MayMap(enclave, start, end, protection);
}
