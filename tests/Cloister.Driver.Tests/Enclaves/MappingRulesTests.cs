using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Enclaves;

public class MappingRulesTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Before_init_any_range_is_allowed_where_there_is_no_page()
    {
        var enclave = _machine.Open();
        Assert.Equal(0, MayMap(enclave, new(0), new(1UL << 47), (Protection)7));
    }

    [Fact]
    public void No_page_is_mapped_with_more_than_it_was_built_with()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(0, MayMap(enclave, Page(EnclaveImage.CodePage), Page(EnclaveImage.DataPage), Protection.Read | Protection.Execute));
        Assert.Equal(-(int)DriverError.EACCES, MayMap(enclave, Page(EnclaveImage.CodePage), Page(EnclaveImage.DataPage), Protection.Write));
        Assert.Equal(-(int)DriverError.EACCES, MayMap(enclave, Page(0), Page(1024), ReadWrite));
        Assert.Equal(0, MayMap(enclave, Page(0), Page(1024), Protection.Read));
        Assert.Equal(0, MayMap(enclave, Page(0), Page(1024), Protection.None));
        Assert.Equal(0, MayMap(enclave, Page(EnclaveImage.DataPage), Page(1024), ReadWrite));
    }

    [Fact]
    public void A_TCS_is_mapped_for_read_and_write_though_its_SECINFO_has_no_permission()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(0, MayMap(enclave, Page(0), Page(1), ReadWrite));
        Assert.Equal(-(int)DriverError.EACCES, MayMap(enclave, Page(0), Page(1), Protection.Execute));
    }

    [Fact]
    public void An_initialised_enclave_is_not_mapped_outside_its_range()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(-(int)DriverError.EACCES, MayMap(enclave, Page(0) - 4096, Page(1), Protection.None));
        Assert.Equal(-(int)DriverError.EACCES, MayMap(enclave, Page(1023), Page(1025), Protection.None));
        Assert.Equal(0, MayMap(enclave, Page(1023), Page(1024), Protection.None));
    }

    [Fact]
    public void Read_implies_execute_is_refused() =>
        Assert.Equal(-(int)DriverError.EACCES,
            _machine.Driver.MayMap(_machine.Open(), Page(0), Page(1), Protection.None, readImpliesExecute: true));

    [Fact]
    public void A_private_mapping_is_EINVAL_before_anything_else()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(-(int)DriverError.EINVAL,
            _machine.Driver.Mmap(enclave, _machine.Program, Page(0) - 4096, Page(2000), Protection.Read, isPrivate: true));
    }

    [Fact]
    public void A_written_out_page_still_has_its_maximum()
    {
        var machine = new TestMachine(epcPages: 24);
        var enclave = machine.Build(_image with { HeapPages = 60 });
        Assert.True(machine.Statistics.Evictions > 0);
        Assert.Equal(-(int)DriverError.EACCES, machine.Driver.MayMap(enclave, Page(0), Page(1024), Protection.Execute));
    }

    private LinearAddress Page(int page) => _image.At(page);

    private int MayMap(SgxEnclave enclave, LinearAddress start, LinearAddress end, Protection protection) =>
        _machine.Driver.MayMap(enclave, start, end, protection);
}
