using Cloister.Architecture;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests;

/// <summary>sgx_vma_close of the drivers before v20: a part of the mapping goes, and the enclave dies.</summary>
public class UnmappedTests
{
    [Theory]
    [InlineData(Generation.Isgx)]
    [InlineData(Generation.V16)]
    public void What_is_installed_stays_and_nothing_more_comes(Generation generation)
    {
        var machine = new LegacyMachine(generation).Build();
        var thread = machine.Enter();
        Assert.True(thread.Write(machine.Image.Heap, [7]));
        machine.Machine.Driver.Unmapped(machine.File, machine.Program, machine.Image.At(200), machine.Image.At(201));
        Span<byte> read = [0];
        Assert.True(thread.Read(machine.Image.Heap, read));
        Assert.Equal(7, read[0]);
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(machine.Image.Heap + 4096, AccessKind.Read));
        Assert.Equal(-(long)DriverError.EINVAL, machine.Add(300, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        Assert.Equal(-(long)DriverError.EINVAL, machine.Add(200, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        thread.Exit();

        // Its pages can be written out like any other's, and do not come back.
        new PageReclaimer(machine.Machine.Driver.State).ReclaimPages(ignoreAge: true);
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(machine.Image.Heap, AccessKind.Read));
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }

    [Fact]
    public void Before_create_the_mapping_is_no_longer_the_range_of_an_enclave()
    {
        var machine = new LegacyMachine(Generation.V16);
        machine.Machine.Driver.Unmapped(machine.File, machine.Program, machine.Image.At(200), machine.Image.At(201));
        Assert.False(machine.File.IsDead);
        Assert.Equal(-(long)DriverError.EINVAL, machine.Create());
    }

    [Fact]
    public void Pages_that_wait_for_the_worker_are_dropped()
    {
        var machine = new LegacyMachine(Generation.V16);
        machine.Fill();
        machine.Machine.Driver.Unmapped(machine.File, machine.Program, machine.Image.At(200), machine.Image.At(201));
        Assert.Equal(-(long)DriverError.EFAULT, machine.Initialize());
        Assert.Equal(0, machine.File.PageCount);
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }

    [Fact]
    public void Since_v_20_a_mapping_is_nothing_to_the_enclave()
    {
        var machine = new TestMachine();
        var image = new EnclaveImage();
        var enclave = machine.Build(image);
        machine.Driver.Unmapped(enclave, machine.Program, image.At(0), image.At(1));
        Assert.False(enclave.IsDead);
    }
}
