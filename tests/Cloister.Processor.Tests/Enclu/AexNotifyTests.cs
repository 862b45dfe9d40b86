using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, ERESUME with TMP_NOTIFY, and EDECCSSA.</summary>
[TestsOf(typeof(Processor.Enclu.Eresume), typeof(Processor.Enclu.Edeccssa))]
public class AexNotifyTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public AexNotifyTests() => enclave = TestEnclave.Built(world, WithNotify, tcs => tcs with { Flags = TcsFlags.AexNotify });

    public static Secs WithNotify(Secs secs)
        => secs with { Attributes = secs.Attributes with { Flags = secs.Attributes.Flags | AttributeFlags.AexNotify } };

    private ref Gprsgx Saved(int number)
        => ref MemoryMarshal.AsRef<Gprsgx>(
            world.Machine.Memory[world.Memory.Walk(enclave.Base + 0x4000 + ((ulong)number * 4096), AccessKind.Read).Page][^184..]);

    private void Interrupt() => Aex.Execute(world.Machine, world.Processor, world.Memory, world.ExtendedState, null, 0, default);

    private LeafResult Resume() => world.Enclu(EncluLeaf.Eresume, enclave.TcsAddress.Value, 0x7777_0000);

    [Fact]
    public void Without_the_frames_bit_the_thread_just_goes_on()
    {
        enclave.Enter();
        world.Processor.Registers.Rip = 0x42;
        Interrupt();
        Expect.Success(Resume());
        Assert.Equal(0x42ul, world.Processor.Registers.Rip);
    }

    [Fact]
    public void With_the_frames_bit_the_thread_is_told_at_its_entry_point()
    {
        enclave.Enter();
        Registers registers = world.Processor.Registers;
        registers.Rip = 0x42;
        Saved(0).AexNotify = 1;
        Interrupt();
        (registers.Rip, registers.Rsp, registers.Rbp, registers.Rdi) = (0x40_2000, 0x7ffe_8000, 0x7ffe_9000, 0xd1);
        Expect.Success(Resume());
        Assert.Equal((enclave.Base + TestEnclave.Entry).Value, registers.Rip);
        Assert.Equal((1ul, enclave.TcsAddress.Value, 0x40_2003ul, 0xd1ul), (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdi));
        Assert.Equal((0x7ffe_8000ul, 0x7ffe_9000ul), (Saved(1).Ursp, Saved(1).Urbp));
        Assert.Equal((enclave.Base + TestEnclave.FsOffset).Value, registers.FsBase);
        Assert.Equal(1u, world.Machine.TcsOf(enclave.Tcs).Cssa);
        Assert.Equal(0x42ul, Saved(0).Rip);
    }

    [Fact]
    public void There_must_be_one_more_frame_and_it_must_be_there()
    {
        enclave.Enter();
        Saved(0).AexNotify = 1;
        Interrupt();
        EpcPage page = world.Memory.Walk(enclave.Base + 0x5000, AccessKind.Read).Page;
        world.Memory.Unmap(enclave.Base + 0x5000);
        Expect.PageFault(enclave.Base + 0x5000, World.AbsentWrite, Resume());
        world.Memory.Map(enclave.Base + 0x5000, page);
        Expect.Success(Resume());
        Saved(1).AexNotify = 1;
        Interrupt();
        Expect.GeneralProtection(Resume());
    }

    [Fact]
    public void The_handler_goes_back_a_frame_and_the_next_exit_uses_it()
    {
        enclave.Enter();
        Saved(0).AexNotify = 1;
        Interrupt();
        Expect.Success(Resume());
        Registers registers = world.Processor.Registers;
        registers.Rip = 0x100;
        Expect.Success(world.Enclu(EncluLeaf.Edeccssa));
        Assert.Equal(0x103ul, registers.Rip);
        Assert.Equal(0u, world.Machine.TcsOf(enclave.Tcs).Cssa);
        registers.Rip = 0x222;
        Interrupt();
        Assert.Equal(0x222ul, Saved(0).Rip);
        Assert.Equal(1u, world.Machine.TcsOf(enclave.Tcs).Cssa);
    }

    [Fact]
    public void Edeccssa_needs_a_thread_inside_a_frame_and_its_pages()
    {
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Edeccssa));
        enclave.Enter();
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Edeccssa));
        Interrupt();
        enclave.Enter();
        world.Memory.Unmap(enclave.Base + 0x4000);
        Expect.PageFault(enclave.Base + 0x4000, World.AbsentWrite, world.Enclu(EncluLeaf.Edeccssa));
        Assert.Equal(1u, world.Machine.TcsOf(enclave.Tcs).Cssa);
    }

    [Fact]
    public void Edeccssa_is_not_always_offered()
    {
        var other = new World(new MachineOptions { Edeccssa = false });
        TestEnclave plain = TestEnclave.Built(other);
        plain.Enter();
        Aex.Execute(other.Machine, other.Processor, other.Memory, other.ExtendedState, null, 0, default);
        plain.Enter();
        Expect.GeneralProtection(other.Enclu(EncluLeaf.Edeccssa));
    }
}
