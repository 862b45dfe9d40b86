using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class InitWithTokenTests
{
    private readonly LegacyMachine _machine = new(Generation.Isgx);

    [Fact]
    public void The_machines_own_signer_needs_no_token_and_the_registers_stay()
    {
        _machine.Fill();
        Assert.Equal(0, _machine.Initialize());
        Assert.Equal(Signer.Instance.Mrsigner, _machine.Machine.Machine.LaunchControlHash);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Initialize());
        _machine.Enter().Exit();
    }

    [Fact]
    public void Another_signer_needs_a_token()
    {
        _machine.Fill();
        _machine.Machine.Machine.LaunchControlHash = new byte[32];
        Assert.Equal((long)SgxError.InvalidEinittoken, _machine.Initialize());
        Assert.Equal(new byte[32], _machine.Machine.Machine.LaunchControlHash);
    }

    [Fact]
    public void A_page_the_worker_could_not_add_shows_in_the_measurement()
    {
        var machine = new LegacyMachine(Generation.Isgx, epcPages: 8);
        machine.Fill();
        var guest = machine.Machine.Driver.OpenVirtualEpc(new TestStorage());
        var start = new LinearAddress(0x5000_0000_0000);
        machine.Program.Map(guest, start, 8 * 4096);
        for (ulong page = 0; page < 6; page++)
        {
            machine.Program.Fault(start + (page * 4096), Processor.AccessKind.Write);
        }

        Assert.Equal((long)SgxError.InvalidMeasurement, machine.Initialize());
        Assert.False(machine.File.IsDead);
    }

    [Fact]
    public void A_token_that_cannot_be_read_is_the_number_of_bytes_missing()
    {
        _machine.Fill();
        var parameters = new SgxEnclaveInitWithToken { Addr = _machine.Image.Base, Sigstruct = 8, Einittoken = 8 };
        Assert.Equal(Sigstruct.SizeInBytes, _machine.Ioctl("ENCLAVE_INIT", parameters));
        parameters.Sigstruct = _machine.Program.Allocate(_machine.Image.Sigstruct());
        Assert.Equal(Einittoken.SizeInBytes, _machine.Ioctl("ENCLAVE_INIT", parameters));
    }
}
