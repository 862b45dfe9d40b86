using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EEXIT.</summary>
[TestsOf(typeof(Processor.Enclu.Eexit))]
public class EexitTests
{
    private readonly World world = new();

    [Fact]
    public void A_thread_that_is_outside_cannot_exit() => Expect.GeneralProtection(world.Enclu(EncluLeaf.Eexit, 0x1000));

    [Fact]
    public void A_target_that_is_not_canonical_is_refused()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        enclave.Enter();
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eexit, 0x8000_0000_0000));
        Assert.True(world.Processor.EnclaveMode);
    }

    [Fact]
    public void The_thread_is_at_the_target_with_the_hosts_segments_and_everything_else_is_left()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        Registers registers = world.Processor.Registers;
        (registers.FsBase, registers.GsBase) = (0x11000, 0x22000);
        enclave.Enter();
        (registers.Rsp, registers.Rbp, registers.Rdx, registers.R8) = (1, 2, 3, 4);
        Expect.Success(world.Enclu(EncluLeaf.Eexit, 0x40_0000, 9, 3));
        Assert.Equal((0x40_0000ul, 0x1234_5000ul), (registers.Rip, registers.Rcx));
        Assert.Equal((0x11000ul, 0x22000ul), (registers.FsBase, registers.GsBase));
        Assert.Equal((1ul, 2ul, 3ul, 4ul, 0x40_0000ul), (registers.Rsp, registers.Rbp, registers.Rdx, registers.R8, registers.Rbx));
        Assert.False(world.Processor.EnclaveMode);
        Assert.True(world.Processor.Secs.IsNone && world.Processor.TcsPage.IsNone);
        Assert.Equal(0ul, world.Machine.TcsOf(enclave.Tcs).State);
        enclave.Enter();
    }
}
