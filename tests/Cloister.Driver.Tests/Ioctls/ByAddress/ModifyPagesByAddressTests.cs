using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class ModifyPagesByAddressTests
{
    private readonly LegacyMachine _machine = new LegacyMachine(Generation.V16).Build();

    [Fact]
    public void Restricts_permissions_and_trims()
    {
        var thread = _machine.Enter();
        Assert.Equal(0, Modify(EnclaveImage.HeapPage, 1, SecinfoFlags.Reg | SecinfoFlags.R, 0));
        Assert.False(thread.Write(_machine.Image.Heap, [1]));
        Assert.Equal(0, Modify(EnclaveImage.HeapPage + 1, 2, SecinfoFlags.Trim, 1));
        Assert.Equal(
            SgxError.Success,
            thread.Accept(_machine.Image.At(EnclaveImage.HeapPage + 1), SecinfoFlags.Trim | SecinfoFlags.Modified, _machine.Image.Data));
        var remove = new SgxEnclaveRemovePagesByAddress { Addr = _machine.Image.At(EnclaveImage.HeapPage + 1).Value, Length = 8192 };
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl("ENCLAVE_REMOVE_PAGES", remove));
        Assert.Equal(8, _machine.File.PageCount);
        _machine.Machine.AssertInvariants();
    }

    [Fact]
    public void The_checks_come_in_their_order()
    {
        ulong heap = _machine.Image.Heap.Value;
        var parameters = new SgxEnclaveModifyPages { Addr = 1, Length = 1, Secinfo = 1, Op = 2 };
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl("ENCLAVE_MODIFY_PAGES", parameters));
        parameters.Op = 1;
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl("ENCLAVE_MODIFY_PAGES", parameters));
        parameters.Secinfo = _machine.Allocate(new Secinfo(SecinfoFlags.Trim));
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl("ENCLAVE_MODIFY_PAGES", parameters));
        parameters.Addr = heap;
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl("ENCLAVE_MODIFY_PAGES", parameters));
        parameters.Length = 4096;
        Assert.Equal(0, _machine.Ioctl("ENCLAVE_MODIFY_PAGES", parameters));
    }

    [Fact]
    public void What_EMODT_refuses_kills_the_enclave()
    {
        Assert.Equal(0, Modify(EnclaveImage.HeapPage, 1, SecinfoFlags.Trim, 1));
        Assert.Equal(-(long)DriverError.EFAULT, Modify(EnclaveImage.HeapPage, 1, SecinfoFlags.Tcs, 1));
        Assert.True(_machine.File.IsDead);
        Assert.Equal(0, _machine.File.ResidentPageCount);
        _machine.Machine.Driver.Release(_machine.File);
        _machine.Machine.AssertAllFree();
    }

    [Fact]
    public void A_page_that_is_not_there_is_EFAULT() =>
        Assert.Equal(-(long)DriverError.EFAULT, Modify(500, 1, SecinfoFlags.Trim, 1));

    private long Modify(int page, int count, SecinfoFlags flags, byte op) =>
        _machine.Ioctl("ENCLAVE_MODIFY_PAGES", new SgxEnclaveModifyPages
        {
            Addr = _machine.Image.At(page).Value,
            Length = (ulong)count * 4096,
            Secinfo = _machine.Allocate(new Secinfo(flags)),
            Op = op,
        });
}
