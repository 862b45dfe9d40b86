using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class AddPageTests
{
    private const SecinfoFlags ReadWrite = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    private readonly LegacyMachine _machine = new(Generation.V16);

    [Fact]
    public void Queues_the_page_and_the_worker_adds_it()
    {
        _machine.Create();
        Assert.Equal(0, _machine.Add(5, ReadWrite, new byte[4096]));
        Assert.Equal(0, _machine.Machine.Statistics.Adds);
        Assert.Single(_machine.File.AddRequests);
        Assert.False(_machine.Machine.Driver.RunWorkers(10));
        Assert.Equal(1, _machine.Machine.Statistics.Adds);
        Assert.Equal(0, _machine.Machine.Statistics.BackingPages);
    }

    [Fact]
    public void The_worker_does_no_more_than_its_budget()
    {
        _machine.Create();
        for (int page = 0; page < 5; page++)
        {
            Assert.Equal(0, _machine.Add(page, ReadWrite, new byte[4096]));
        }

        Assert.True(_machine.Machine.Driver.RunWorkers(3));
        Assert.Equal(3, _machine.Machine.Statistics.Adds);
        Assert.False(_machine.Machine.Driver.RunWorkers(3));
        Assert.Equal(5, _machine.Machine.Statistics.Adds);
    }

    [Fact]
    public void The_checks_come_in_their_order()
    {
        Assert.Equal(-(long)DriverError.ENOENT, _machine.Add(0, ReadWrite, new byte[4096]));
        _machine.Create();
        var parameters = new SgxEnclaveAddPage { Addr = _machine.Image.Base + 1, Src = 1, Secinfo = 1 };
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl("ENCLAVE_ADD_PAGE", parameters));
        parameters.Addr = 0x1000;
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl("ENCLAVE_ADD_PAGE", parameters));
        parameters.Addr = _machine.Image.Base;
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl("ENCLAVE_ADD_PAGE", parameters));
        parameters.Secinfo = _machine.Allocate(new Secinfo(SecinfoFlags.Trim));
        Assert.Equal(4096, _machine.Ioctl("ENCLAVE_ADD_PAGE", parameters));
        parameters.Src = _machine.Program.Allocate(new byte[4096]);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl("ENCLAVE_ADD_PAGE", parameters));
        parameters.Secinfo = _machine.Allocate(new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R));
        Assert.Equal(0, _machine.Ioctl("ENCLAVE_ADD_PAGE", parameters));
        Assert.Equal(-(long)DriverError.EEXIST, _machine.Ioctl("ENCLAVE_ADD_PAGE", parameters));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(64)]
    [InlineData(72)]
    public void A_TCS_is_looked_at(int offset)
    {
        _machine.Create();
        byte[] tcs = _machine.Image.Pages().First().Contents;
        Assert.Equal(0, _machine.Add(0, SecinfoFlags.Tcs, tcs));
        tcs[offset] = 1;
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Add(1, SecinfoFlags.Tcs, tcs));
    }

    [Fact]
    public void After_init_it_is_EINVAL() =>
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Build().Add(100, ReadWrite, new byte[4096]));

    [Fact]
    public void Release_with_a_full_queue_gives_everything_back()
    {
        _machine.Fill();
        _machine.Machine.Driver.Release(_machine.File);
        _machine.Machine.AssertAllFree();
    }

    [Fact]
    public void The_structure_is26_bytes() => Assert.Equal(26, Marshal.SizeOf<SgxEnclaveAddPage>());
}
