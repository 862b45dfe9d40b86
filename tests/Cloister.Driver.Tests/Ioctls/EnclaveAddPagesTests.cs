using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveAddPagesTests
{
    private const SecinfoFlags ReadWrite = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Adds_pages_with_their_contents()
    {
        var enclave = _machine.Create(_image);
        byte[] contents = new byte[3 * 4096];
        new Random(1).NextBytes(contents);
        var parameters = Parameters(contents, ReadWrite);
        Assert.Equal(0, Add(enclave, ref parameters));
        Assert.Equal(3 * 4096UL, parameters.Count);
        Assert.Equal(3, enclave.PageCount);
        Assert.Equal(3, _machine.Statistics.Adds);
        for (int page = 0; page < 3; page++)
        {
            var epc = ((TestStorage)enclave.Storage).Placed[(ulong)page * 4096];
            Assert.Equal(contents.AsSpan(page * 4096, 4096), _machine.Machine.Memory[epc]);
            Assert.Equal(ReadWrite, _machine.Machine.Epcm[epc].SecinfoFlags);
        }

        _machine.AssertInvariants();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(99)]
    public void Pages_are_added_up_to_the_one_that_cannot_be_read(int readable)
    {
        // They are copied many at once; what is seen is a page at a time.
        var enclave = _machine.Create(_image);
        byte[] contents = new byte[readable * 4096];
        new Random(readable).NextBytes(contents);
        var parameters = Parameters(contents, ReadWrite) with { Length = 100 * 4096 };
        Assert.Equal(-(long)DriverError.EFAULT, Add(enclave, ref parameters));
        Assert.Equal((ulong)readable * 4096, parameters.Count);
        for (int page = 0; page < readable; page++)
        {
            var epc = ((TestStorage)enclave.Storage).Placed[(ulong)page * 4096];
            Assert.Equal(contents.AsSpan(page * 4096, 4096), _machine.Machine.Memory[epc]);
        }

        _machine.AssertInvariants();
    }

    [Fact]
    public void The_storage_expects_what_is_read_and_no_page_that_is_there()
    {
        var enclave = _machine.Create(_image);
        var storage = (TestStorage)enclave.Storage;
        byte[] contents = new byte[6 * 4096], there = new byte[4096];
        new Random(1).NextBytes(contents);
        there.AsSpan().Fill(7);
        Assert.Equal(0, _machine.AddPages(enclave, 4, ReadWrite, there));
        storage.Expected.Clear();
        var parameters = Parameters(contents, ReadWrite);
        Assert.Equal(-(long)DriverError.EBUSY, Add(enclave, ref parameters));
        var (offset, expected) = Assert.Single(storage.Expected);
        Assert.Equal(0UL, offset);
        Assert.Equal(contents[..(4 * 4096)], expected);
        Assert.False(storage.ExpectsMore);
        Assert.Equal(there, _machine.Machine.Memory[storage.Placed[4 * 4096]].ToArray());
        _machine.AssertInvariants();
    }

    [Fact]
    public void Before_create_and_after_init_it_is_EINVAL()
    {
        // Before the argument is looked at.
        uint command = TestMachine.Command("ENCLAVE_ADD_PAGES");
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Open(), command, 1));
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Build(_image), command, 1));
    }

    [Fact]
    public void A_wild_argument_is_EFAULT() =>
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(_machine.Create(_image), TestMachine.Command("ENCLAVE_ADD_PAGES"), 1));

    [Theory]
    [InlineData(1UL, 0UL, 4096UL)]
    [InlineData(0UL, 1UL, 4096UL)]
    [InlineData(0UL, 0UL, 0UL)]
    [InlineData(0UL, 0UL, 4095UL)]
    [InlineData(0UL, 1024 * 4096UL, 4096UL)]
    [InlineData(0UL, 1023 * 4096UL, 8192UL)]
    [InlineData(0UL, 4096UL, 0xffff_ffff_ffff_f000UL)]
    [InlineData(0UL, 0xffff_ffff_ffff_f000UL, 8192UL)]
    public void Bad_alignment_and_range_are_EINVAL_before_the_SECINFO_is_read(ulong sourceOffset, ulong offset, ulong length)
    {
        var parameters = Parameters(new byte[4096], ReadWrite);
        parameters.Src += sourceOffset;
        parameters.Offset = offset;
        parameters.Length = length;
        parameters.Secinfo = 1;
        Refused(DriverError.EINVAL, parameters);
    }

    [Fact]
    public void A_SECINFO_that_cannot_be_read_is_EFAULT()
    {
        var parameters = Parameters(new byte[4096], ReadWrite);
        parameters.Secinfo = 1;
        Refused(DriverError.EFAULT, parameters);
    }

    [Theory]
    [InlineData(SecinfoFlags.None)]
    [InlineData(SecinfoFlags.Va)]
    [InlineData(SecinfoFlags.Trim)]
    [InlineData(SecinfoFlags.SsFirst)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.W)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.W | SecinfoFlags.X)]
    [InlineData(SecinfoFlags.Tcs | SecinfoFlags.R)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.Pending)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.Modified)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.Pr)]
    [InlineData(SecinfoFlags.Reg | (SecinfoFlags)(1UL << 63))]
    public void A_SECINFO_EADD_would_not_take_as_it_is_is_EINVAL(SecinfoFlags flags) =>
        Refused(DriverError.EINVAL, Parameters(new byte[4096], flags));

    [Fact]
    public void A_reserved_byte_of_the_SECINFO_is_EINVAL()
    {
        var parameters = Parameters(new byte[4096], ReadWrite);
        byte[] secinfo = new byte[64];
        Assert.True(_machine.Program.CopyFromUser(parameters.Secinfo, secinfo));
        secinfo[63] = 1;
        parameters.Secinfo = _machine.Program.Allocate(secinfo);
        Refused(DriverError.EINVAL, parameters);
    }

    [Fact]
    public void Unknown_flags_and_an_old_count_are_ignored()
    {
        var enclave = _machine.Create(_image);
        var parameters = Parameters(new byte[4096], ReadWrite) with { Flags = ulong.MaxValue, Count = 77 };
        Assert.Equal(0, Add(enclave, ref parameters));
        Assert.Equal(4096UL, parameters.Count);
    }

    [Fact]
    public void A_page_that_is_there_is_EBUSY_and_the_count_says_how_far_it_got()
    {
        var enclave = _machine.Create(_image);
        Assert.Equal(0, _machine.AddPages(enclave, 2, ReadWrite, new byte[4096]));
        var parameters = Parameters(new byte[4 * 4096], ReadWrite);
        Assert.Equal(-(long)DriverError.EBUSY, Add(enclave, ref parameters));
        Assert.Equal(2 * 4096UL, parameters.Count);
        Assert.Equal(3, enclave.PageCount);
        _machine.AssertInvariants();
    }

    [Fact]
    public void A_source_without_any_mapping_is_EFAULT() =>
        RefusedAfterTheChecks(DriverError.EFAULT, Parameters(new byte[4096], ReadWrite) with { Src = 0x7fff_ffff_f000 });

    [Fact]
    public void A_source_on_a_noexec_mount_is_EACCES()
    {
        var parameters = Parameters(new byte[4096], ReadWrite);
        parameters.Src = _machine.Program.Allocate(new byte[4096], mayExecute: false);
        RefusedAfterTheChecks(DriverError.EACCES, parameters);
    }

    [Fact]
    public void A_source_in_a_hole_is_judged_by_the_mapping_above_it()
    {
        // find_vma gives the next mapping: its VM_MAYEXEC decides before the page is found missing.
        var parameters = Parameters(new byte[4096], ReadWrite);
        ulong noexec = _machine.Program.Allocate(new byte[4096], mayExecute: false);
        RefusedAfterTheChecks(DriverError.EACCES, parameters with { Src = noexec - 4096 });
        ulong plain = _machine.Program.Allocate(new byte[4096]);
        RefusedAfterTheChecks(DriverError.EFAULT, parameters with { Src = plain - 4096 });
    }

    [Fact]
    public void What_EADD_refuses_is_EIO()
    {
        // SDM 3D, EADD: TCS.FLAGS has reserved bits.
        byte[] tcs = new byte[4096];
        tcs[15] = 0x80;
        RefusedAfterTheChecks(DriverError.EIO, Parameters(tcs, SecinfoFlags.Tcs));
    }

    [Fact]
    public void A_signal_before_the_first_page_restarts_the_call()
    {
        _machine.Program.SignalPending = true;
        RefusedAfterTheChecks(DriverError.ERESTARTSYS, Parameters(new byte[4096], ReadWrite));
    }

    [Fact]
    public void A_signal_after_a_page_ends_the_call_without_an_error()
    {
        var enclave = _machine.Create(_image);
        _machine.Program.SignalAfter = 2;
        var parameters = Parameters(new byte[4 * 4096], ReadWrite);
        Assert.Equal(0, Add(enclave, ref parameters));
        Assert.Equal(2 * 4096UL, parameters.Count);
        Assert.Equal(2, enclave.PageCount);
    }

    [Fact]
    public void An_interrupted_operation_stops_at_the_next_page()
    {
        var enclave = _machine.Create(_image);
        var parameters = Parameters(new byte[4 * 4096], ReadWrite);
        ulong argument = _machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)));
        var operation = _machine.Driver.Ioctl(enclave, TestMachine.Command("ENCLAVE_ADD_PAGES"), argument, _machine.Program);
        Assert.False(operation.Continue(1));
        operation.Interrupt();
        Assert.True(operation.Continue(1));
        Assert.Equal(0, operation.Result);
        Assert.Equal(1, enclave.PageCount);
    }

    [Fact]
    public void A_structure_that_cannot_be_written_back_is_EFAULT_though_the_pages_are_there()
    {
        var enclave = _machine.Create(_image);
        var parameters = Parameters(new byte[4096], ReadWrite);
        ulong argument = _machine.Program.Allocate(
            MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)),
            writable: false);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, TestMachine.Command("ENCLAVE_ADD_PAGES"), argument));
        Assert.Equal(1, enclave.PageCount);
    }

    [Fact]
    public void Without_another_free_page_it_is_ENOMEM()
    {
        // Before EINIT pages are reclaimed all the same: what cannot go is SECS, version array and the one page left.
        var machine = new TestMachine(epcPages: 2);
        var enclave = machine.Create(_image);
        Assert.Equal(-(long)DriverError.ENOMEM, machine.AddPages(enclave, 0, ReadWrite, new byte[4096]));
        machine.AssertInvariants();
    }

    [Fact]
    public void More_pages_than_the_EPC_has_are_reclaimed_on_the_way()
    {
        var machine = new TestMachine(epcPages: 24);
        var enclave = machine.Create(_image);
        Assert.Equal(0, machine.AddPages(enclave, 0, ReadWrite, new byte[100 * 4096]));
        Assert.Equal(100, enclave.PageCount);
        Assert.True(machine.Statistics.Evictions >= 78);
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    private static SgxEnclaveAddPages Empty => default;

    private SgxEnclaveAddPages Parameters(byte[] contents, SecinfoFlags flags)
    {
        var secinfo = new Secinfo(flags);
        return Empty with
        {
            Src = _machine.Program.Allocate(contents),
            Length = (ulong)contents.Length,
            Secinfo = _machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1))),
            Flags = SgxEnclaveAddPages.Measure,
        };
    }

    private long Add(SgxEnclave enclave, ref SgxEnclaveAddPages parameters) =>
        _machine.Ioctl(enclave, "ENCLAVE_ADD_PAGES", ref parameters);

    // Refused before the loop: the structure does not come back.
    private void Refused(DriverError errno, SgxEnclaveAddPages parameters)
    {
        parameters.Count = 77;
        var enclave = _machine.Create(_image);
        Assert.Equal(-(long)errno, Add(enclave, ref parameters));
        Assert.Equal(77UL, parameters.Count);
        Assert.Equal(0, enclave.PageCount);
        _machine.AssertInvariants();
    }

    private void RefusedAfterTheChecks(DriverError errno, SgxEnclaveAddPages parameters)
    {
        parameters.Count = 77;
        var enclave = _machine.Create(_image);
        Assert.Equal(-(long)errno, Add(enclave, ref parameters));
        Assert.Equal(0UL, parameters.Count);
        Assert.Equal(0, enclave.PageCount);
        _machine.AssertInvariants();
    }
}
