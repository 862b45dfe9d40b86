using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class InitByAddressTests
{
    [Theory]
    [InlineData(Generation.V16)]
    [InlineData(Generation.RfcEnclu)]
    public void Waits_for_the_worker_and_lets_threads_in(Generation generation)
    {
        var machine = new LegacyMachine(generation);
        machine.Fill();
        Assert.Equal(0, machine.Initialize(pageBudget: 2));
        var thread = machine.Enter();
        Span<byte> read = [0];
        Assert.True(thread.Read(machine.Image.At(EnclaveImage.HeapPage + 2), read));
        Assert.Equal(2, read[0]);
        thread.Exit();
        machine.Machine.AssertInvariants();
        Assert.Equal(0, machine.Initialize());
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }

    [Fact]
    public void What_EINIT_says_is_the_result()
    {
        var machine = new LegacyMachine(Generation.V16);
        machine.Fill();
        byte[] wrong = machine.Image.Sigstruct();
        wrong[516] ^= 1;
        Assert.Equal((long)SgxError.InvalidSignature, machine.Initialize(wrong));
        Assert.False(machine.File.IsInitialized);
        Assert.Equal(0, machine.Initialize());
    }

    [Fact]
    public void A_page_the_worker_could_not_add_kills_the_enclave_and_is_EFAULT_here()
    {
        // A guest takes the EPC while the pages wait.
        var machine = new LegacyMachine(Generation.V16, epcPages: 8);
        machine.Fill();
        var guest = machine.Machine.Driver.OpenVirtualEpc(new TestStorage());
        var start = new LinearAddress(0x5000_0000_0000);
        machine.Program.Map(guest, start, 8 * 4096);
        for (ulong page = 0; page < 6; page++)
        {
            Assert.Equal(VmFault.NoPage, machine.Program.Fault(start + (page * 4096), AccessKind.Write));
        }

        Assert.Equal(-(long)DriverError.EFAULT, machine.Initialize());
        Assert.True(machine.File.IsDead);
        Assert.Equal(0, machine.File.PageCount);
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(machine.Image.Data, AccessKind.Read));
        machine.Machine.Driver.Release(guest);
        Assert.Equal(-(long)DriverError.EINVAL, machine.Add(202, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }

    [Theory]
    [InlineData(Generation.Isgx)]
    [InlineData(Generation.V16)]
    public void After_a_power_loss_every_call_says_so(Generation generation)
    {
        var machine = new LegacyMachine(generation).Build();
        machine.Enter();
        machine.Machine.Driver.PrepareSuspend();
        Assert.True(machine.File.IsDead);
        Assert.Equal(0x40000000, machine.Add(200, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        Assert.Equal(0x40000000, machine.Initialize());
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(machine.Image.Data, AccessKind.Read));
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }

    [Fact]
    public void Before_init_a_fault_is_SIGBUS()
    {
        var machine = new LegacyMachine(Generation.V16);
        machine.Fill();
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(machine.Image.Data, AccessKind.Read));
    }
}
