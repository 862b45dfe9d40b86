using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

/// <summary>What the tests of the out-of-tree driver's range ioctls share.</summary>
public abstract class OutOfTreeTests
{
    internal const SecinfoFlags ReadWrite = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    internal LegacyMachine Machine { get; } = new LegacyMachine(Generation.Isgx).Build();

    internal SgxRange Range(int page, uint count) => new() { StartAddr = Machine.Image.At(page).Value, NrPages = count };

    internal SgxError? Accept(TestThread thread, int page, SecinfoFlags flags) =>
        thread.Accept(Machine.Image.At(page), flags, Machine.Image.Data);

    internal static long WithoutSgx2<T>(string name, T parameters)
        where T : unmanaged => new LegacyMachine(Generation.Isgx, sgx2: false).Ioctl(name, parameters);
}

public class RangeEmodprTests : OutOfTreeTests
{
    [Fact]
    public void Restricts_a_range_and_not_a_TCS()
    {
        var thread = Machine.Enter();
        var parameters = new SgxModificationParam { Range = Range(EnclaveImage.HeapPage, 2), Flags = 1 };
        Assert.Equal(0, Machine.Ioctl("ENCLAVE_EMODPR", parameters));
        Assert.False(thread.Write(Machine.Image.Heap, [1]));
        parameters.Range = Range(0, 1);
        Assert.Equal(-(long)DriverError.EINVAL, Machine.Ioctl("ENCLAVE_EMODPR", parameters));
    }

    [Theory]
    [InlineData(8UL, 1u)]
    [InlineData(2UL, 1u)]
    [InlineData(1UL, 0u)]
    [InlineData(1UL, 2000u)]
    public void Bad_parameters_are_EINVAL(ulong flags, uint count) =>
        Assert.Equal(-(long)DriverError.EINVAL,
            Machine.Ioctl("ENCLAVE_EMODPR", new SgxModificationParam { Range = Range(8, count), Flags = flags }));

    [Fact]
    public void Without_sgx2_it_is_enosys_after_the_flags()
    {
        Assert.Equal(-(long)DriverError.EINVAL, WithoutSgx2("ENCLAVE_EMODPR", new SgxModificationParam { Flags = 8 }));
        Assert.Equal(-(long)DriverError.ENOSYS, WithoutSgx2("ENCLAVE_EMODPR", new SgxModificationParam { Flags = 1 }));
    }
}

public class RangeMktcsTests : OutOfTreeTests
{
    [Fact]
    public void Makes_a_TCS_that_the_enclave_accepts()
    {
        var thread = Machine.Enter();
        byte[] tcs = new byte[4096];
        Machine.Image.Pages().First().Contents.CopyTo(tcs, 0);
        Assert.True(thread.Write(Machine.Image.Heap, tcs));
        Assert.Equal(0, Machine.Ioctl("ENCLAVE_MKTCS", Range(EnclaveImage.HeapPage, 1)));
        Assert.Equal(SgxError.Success, Accept(thread, EnclaveImage.HeapPage, SecinfoFlags.Tcs | SecinfoFlags.Modified));
    }

    [Fact]
    public void What_EMODT_refuses_is_the_result()
    {
        Assert.Equal(VmFault.NoPage, Machine.Program.Fault(Machine.Image.At(100), AccessKind.Read));
        Assert.Equal((long)SgxError.PageNotModifiable, Machine.Ioctl("ENCLAVE_MKTCS", Range(100, 1)));
        Assert.Equal(-(long)DriverError.ENOSYS, WithoutSgx2("ENCLAVE_MKTCS", default(SgxRange)));
    }
}

public class RangeTrimTests : OutOfTreeTests
{
    [Fact]
    public void Trims_a_range_in_pieces()
    {
        Assert.Equal(0, Machine.Ioctl("ENCLAVE_TRIM", Range(EnclaveImage.HeapPage, 4), pageBudget: 1));
        Assert.Equal(-(long)DriverError.EFAULT, Machine.Ioctl("ENCLAVE_TRIM", Range(500, 1)));
        Assert.Equal(-(long)DriverError.ENOSYS, WithoutSgx2("ENCLAVE_TRIM", default(SgxRange)));
    }
}

public class RangeNotifyAcceptTests : OutOfTreeTests
{
    [Fact]
    public void Removes_trimmed_pages_and_passes_others_by()
    {
        var thread = Machine.Enter();
        Assert.Equal(0, Machine.Ioctl("ENCLAVE_TRIM", Range(EnclaveImage.HeapPage + 1, 1)));
        Assert.Equal(SgxError.Success, Accept(thread, EnclaveImage.HeapPage + 1, SecinfoFlags.Trim | SecinfoFlags.Modified));
        Assert.Equal(-(long)DriverError.EINVAL, Machine.Ioctl("ENCLAVE_NOTIFY_ACCEPT", Range(EnclaveImage.HeapPage, 3)));
        Assert.Equal(8, Machine.File.PageCount);
        Assert.Equal(-(long)DriverError.ENOSYS, WithoutSgx2("ENCLAVE_NOTIFY_ACCEPT", default(SgxRange)));
        Machine.Machine.AssertInvariants();
    }
}

public class PageRemoveTests : OutOfTreeTests
{
    [Fact]
    public void Removes_a_page()
    {
        var parameters = new SgxPageAddress { Addr = Machine.Image.Heap.Value };
        Assert.Equal(0, Machine.Ioctl("ENCLAVE_PAGE_REMOVE", parameters));
        Assert.Equal(8, Machine.File.PageCount);
        Assert.Equal(-(long)DriverError.EINVAL, Machine.Ioctl("ENCLAVE_PAGE_REMOVE", parameters));
        parameters.Addr = 0x1000;
        Assert.Equal(-(long)DriverError.EINVAL, Machine.Ioctl("ENCLAVE_PAGE_REMOVE", parameters));
        Assert.Equal(-(long)DriverError.ENOSYS, WithoutSgx2("ENCLAVE_PAGE_REMOVE", parameters));
        Machine.Machine.AssertInvariants();
    }

    [Fact]
    public void A_write_adds_a_page_and_is_a_signal_all_the_same()
    {
        // isgx: the signal brings the enclave's handler to accept the page.
        var page = Machine.Image.At(100);
        Assert.Equal(VmFault.Sigbus, Machine.Program.Fault(page, AccessKind.Write));
        Assert.Equal(1, Machine.Machine.Statistics.Augments);
        Assert.Equal(VmFault.NoPage, Machine.Program.Fault(Machine.Image.At(101), AccessKind.Read));
        var thread = Machine.Enter();
        Assert.Equal(SgxError.Success, Accept(thread, 100, ReadWrite | SecinfoFlags.Pending));
    }
}
