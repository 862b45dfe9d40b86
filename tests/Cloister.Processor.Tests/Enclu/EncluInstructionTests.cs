using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, ENCLU.</summary>
public class EncluInstructionTests
{
    [Theory]
    [InlineData(8)] // EVERIFYREPORT2 is not offered.
    [InlineData(10)]
    [InlineData(0xffff_ffff)]
    public void An_unknown_leaf_is_refused_inside_and_outside(uint leaf)
    {
        var world = new World();
        Expect.GeneralProtection(world.Enclu((EncluLeaf)leaf));
        TestEnclave.Built(world).Enter();
        Expect.GeneralProtection(world.Enclu((EncluLeaf)leaf));
    }

    [Theory]
    [InlineData(EncluLeaf.Ereport)]
    [InlineData(EncluLeaf.Egetkey)]
    [InlineData(EncluLeaf.Eexit)]
    [InlineData(EncluLeaf.Eaccept)]
    [InlineData(EncluLeaf.Emodpe)]
    [InlineData(EncluLeaf.Eacceptcopy)]
    [InlineData(EncluLeaf.Edeccssa)]
    public void A_leaf_for_enclaves_is_refused_outside(EncluLeaf leaf)
        => Expect.GeneralProtection(new World().Enclu(leaf, TestEnclave.DefaultBase, TestEnclave.DefaultBase, TestEnclave.DefaultBase));

    [Fact]
    public void The_leaf_is_in_eax_and_the_upper_half_of_rax_does_not_count()
    {
        var world = new World();
        TestEnclave enclave = TestEnclave.Built(world);
        Registers registers = world.Processor.Registers;
        (registers.Rax, registers.Rbx, registers.Rcx) = (0xffff_0000_0000_0002, enclave.TcsAddress.Value, 0x1000);
        Expect.Success(Processor.Enclu.EncluInstruction.Dispatch(world.Machine, world.Processor, world.Memory, world.ExtendedState));
    }

    [Fact]
    public void The_observer_hears_of_every_leaf()
    {
        var world = new World();
        TestEnclave enclave = TestEnclave.Built(world);
        var observer = new RecordingObserver();
        world.Machine.Observer = observer;
        enclave.Enter();
        Expect.Success(world.Enclu(EncluLeaf.Emodpe, enclave.Place(new Secinfo(SecinfoFlags.X)).Value, enclave.MoreDataAddress.Value));
        Aex.Execute(world.Machine, world.Processor, world.Memory, world.ExtendedState, ExceptionVector.PageFault, 7, enclave.Base);
        Assert.Equal(
            [$"Eenter {enclave.TcsAddress} success", $"Emodpe {enclave.MoreDataAddress} success", $"AEX PageFault 7 {enclave.Base}"],
            observer.Heard);
    }
}
