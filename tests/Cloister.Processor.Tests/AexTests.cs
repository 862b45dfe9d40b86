using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests;

/// <summary>SDM 3D, "Enclave Exiting Events": the synthetic state, the frame, EXITINFO and EXINFO.</summary>
public class AexTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public AexTests() => enclave = TestEnclave.Built(world);

    private Span<byte> Frame(int number = 0)
        => world.Machine.Memory[world.Memory.Walk(enclave.Base + 0x4000 + ((ulong)number * 4096), AccessKind.Read).Page];

    private ref Gprsgx Saved(int number = 0) => ref MemoryMarshal.AsRef<Gprsgx>(Frame(number)[^184..]);

    private ref Exinfo Exinfo => ref MemoryMarshal.AsRef<Exinfo>(Frame()[^200..]);

    private void Exit(ExceptionVector? vector = null, uint errorCode = 0, ulong address = 0)
        => Aex.Execute(world.Machine, world.Processor, world.Memory, world.ExtendedState, vector, errorCode, new LinearAddress(address));

    [Fact]
    public void Only_a_thread_that_is_inside_can_exit() => Assert.Throws<InvalidOperationException>(() => Exit());

    [Fact]
    public void The_host_sees_the_synthetic_state()
    {
        Registers registers = world.Processor.Registers;
        (registers.Rsp, registers.Rbp, registers.FsBase, registers.GsBase) = (0x7ffe_0000, 0x7ffe_0100, 0x11000, 0x22000);
        enclave.Enter();
        (registers.Rsp, registers.Rbp) = (0x5000, 0x6000);
        (registers.Rdx, registers.Rsi, registers.Rdi) = (1, 2, 3);
        (registers.R8, registers.R9, registers.R10, registers.R11, registers.R12, registers.R13, registers.R14, registers.R15) =
            (8, 9, 10, 11, 12, 13, 14, 15);
        registers.Rflags = 2 | 0x8d5 | Registers.DirectionFlag | Registers.ResumeFlag;
        Exit();
        Assert.Equal((3ul, enclave.TcsAddress.Value, 0x1234_5000ul, 0x1234_5000ul),
            (registers.Rax, registers.Rbx, registers.Rcx, registers.Rip));
        Assert.Equal((0x7ffe_0000ul, 0x7ffe_0100ul, 0x11000ul, 0x22000ul),
            (registers.Rsp, registers.Rbp, registers.FsBase, registers.GsBase));
        Assert.Equal((0ul, 0ul, 0ul), (registers.Rdx, registers.Rsi, registers.Rdi));
        Assert.Equal((0ul, 0ul, 0ul, 0ul), (registers.R8, registers.R9, registers.R10, registers.R11));
        Assert.Equal((0ul, 0ul, 0ul, 0ul), (registers.R12, registers.R13, registers.R14, registers.R15));
        Assert.Equal(2 | Registers.DirectionFlag, registers.Rflags);
        Assert.False(world.Processor.EnclaveMode);
        Assert.Equal(1u, world.Machine.TcsOf(enclave.Tcs).Cssa);
    }

    [Fact]
    public void The_frame_has_the_threads_state()
    {
        enclave.Enter();
        Registers registers = world.Processor.Registers;
        (registers.Rax, registers.Rip, registers.R15, registers.FsBase) = (0xaa, 0xbb, 0xcc, 0xdd000);
        registers.Rflags = 2 | Registers.CarryFlag | Registers.TrapFlag;
        world.ExtendedState.Value = 0x1357;
        Saved().AexNotify = 1;
        Exit();
        Assert.Equal((0xaaul, 0xbbul, 0xccul, 0xdd000ul), (Saved().Rax, Saved().Rip, Saved().R15, Saved().Fsbase));
        Assert.Equal(2 | Registers.CarryFlag, Saved().Rflags);
        Assert.Equal(1, Saved().AexNotify);
        Assert.Equal(0x1357ul, MemoryMarshal.Read<ulong>(Frame()));
        Assert.Equal(new byte[16], Frame().Slice(520, 16).ToArray());
    }

    [Theory]
    [InlineData(ExceptionVector.DivideError, 3u)]
    [InlineData(ExceptionVector.Debug, 3u)]
    [InlineData(ExceptionVector.Breakpoint, 6u)]
    [InlineData(ExceptionVector.BoundRange, 3u)]
    [InlineData(ExceptionVector.InvalidOpcode, 3u)]
    [InlineData(ExceptionVector.GeneralProtection, 3u)]
    [InlineData(ExceptionVector.PageFault, 3u)]
    [InlineData(ExceptionVector.X87FloatingPoint, 3u)]
    [InlineData(ExceptionVector.AlignmentCheck, 3u)]
    [InlineData(ExceptionVector.SimdFloatingPoint, 3u)]
    public void The_enclave_is_told_of_its_exceptions(ExceptionVector vector, uint type)
    {
        enclave.Enter();
        Exit(vector);
        Assert.True(Saved().Exitinfo.Valid);
        Assert.Equal((vector, type), (Saved().Exitinfo.Vector, Saved().Exitinfo.ExitType));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(ExceptionVector.Nmi)]
    [InlineData(ExceptionVector.MachineCheck)]
    [InlineData(ExceptionVector.ControlProtection)]
    [InlineData(ExceptionVector.StackFault)]
    public void The_enclave_is_not_told_of_the_others(ExceptionVector? vector)
    {
        enclave.Enter();
        Saved().Exitinfo = new Exitinfo(ExceptionVector.PageFault, 3);
        Exit(vector);
        Assert.Equal(default, Saved().Exitinfo);
    }

    [Fact]
    public void Exinfo_has_address_and_code_of_a_page_fault_and_the_code_of_a_general_protection_fault()
    {
        enclave.Enter();
        Exit(ExceptionVector.PageFault, 0x8007, 0x7000_0000_9123);
        Assert.Equal((0x7000_0000_9123ul, 0x8007u, 0u), (Exinfo.Maddr, Exinfo.Errcd, Exinfo.Reserved));
        Expect.Success(world.Enclu(EncluLeaf.Eresume, enclave.TcsAddress.Value, 0x1000));
        Exit(ExceptionVector.GeneralProtection, 5, 0x1111);
        Assert.Equal((0ul, 5u), (Exinfo.Maddr, Exinfo.Errcd));
    }

    [Fact]
    public void Without_exinfo_a_page_fault_is_not_told()
    {
        var other = new World();
        TestEnclave quiet = TestEnclave.Built(other, secs => secs with { Miscselect = Miscselect.None });
        quiet.Enter();
        Aex.Execute(other.Machine, other.Processor, other.Memory, other.ExtendedState, ExceptionVector.PageFault, 7, quiet.Base);
        Span<byte> frame = other.Machine.Memory[other.Memory.Walk(quiet.Base + 0x4000, AccessKind.Read).Page];
        Assert.Equal(default, MemoryMarshal.AsRef<Gprsgx>(frame[^184..]).Exitinfo);
        Assert.Equal(new byte[16], frame[^200..^184].ToArray());
    }

    [Fact]
    public void The_system_is_told_the_page_and_not_the_address()
    {
        enclave.Enter();
        Assert.Equal(enclave.DataAddress, Aex.AddressForSystem(world.Processor, enclave.DataAddress + 0x123));
        Assert.Equal(new LinearAddress(0x123), Aex.AddressForSystem(world.Processor, new LinearAddress(0x123)));
    }

    [Fact]
    public void Frames_nest_until_there_is_no_more()
    {
        enclave.Enter();
        world.Processor.Registers.Rip = 0x111;
        Exit(ExceptionVector.InvalidOpcode);
        enclave.Enter();
        Assert.Equal(1ul, world.Processor.Registers.Rax);
        world.Processor.Registers.Rip = 0x222;
        Exit();
        Assert.Equal((0x111ul, 0x222ul), (Saved().Rip, Saved(1).Rip));
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eenter, enclave.TcsAddress.Value, 0x1000));
        Expect.Success(world.Enclu(EncluLeaf.Eresume, enclave.TcsAddress.Value, 0x1000));
        Assert.Equal(0x222ul, world.Processor.Registers.Rip);
        enclave.Exit();
        Expect.Success(world.Enclu(EncluLeaf.Eresume, enclave.TcsAddress.Value, 0x1000));
        Assert.Equal(0x111ul, world.Processor.Registers.Rip);
    }

    [Fact]
    public void A_thread_that_entered_by_a_fast_path_exits_the_same_even_when_its_frame_is_unmapped()
    {
        world.Processor.NoteEntered(world.Machine, enclave.Tcs, enclave.TcsAddress, new LinearAddress(0x9000), 0x11000, 0x22000);
        Saved().Ursp = 0x7ffe_0000;
        world.Processor.Registers.Rip = 0x42;
        world.Memory.Unmap(enclave.Base + 0x4000);
        EpcPage page = Enumerable.Range(0, 64).Select(index => new EpcPage(index))
            .Single(page => world.Epcm(page).EnclaveAddress == enclave.Base + 0x4000 && world.Epcm(page).EnclaveSecs == enclave.Secs);
        Exit();
        world.Memory.Map(enclave.Base + 0x4000, page);
        Assert.Equal(0x42ul, Saved().Rip);
        Assert.Equal((0x9000ul, 0x7ffe_0000ul, 0x11000ul),
            (world.Processor.Registers.Rip, world.Processor.Registers.Rsp, world.Processor.Registers.FsBase));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("an exit")]
    [InlineData("a refused entry")]
    [InlineData("a refused resumption")]
    public void A_fast_entry_has_a_frame_of_its_own_whatever_came_before(string before)
    {
        switch (before)
        {
            case "an exit":
                enclave.Enter();
                enclave.Exit();
                break;
            case "a refused entry":
                world.Machine.TcsOf(enclave.Tcs).Oentry = 1UL << 60;
                Expect.GeneralProtection(world.Enclu(EncluLeaf.Eenter, enclave.TcsAddress.Value, 0x1000));
                break;
            case "a refused resumption":
                enclave.Enter();
                Exit();
                Saved().Rip = 1UL << 60;
                Expect.GeneralProtection(world.Enclu(EncluLeaf.Eresume, enclave.TcsAddress.Value, 0x1000));
                break;
        }

        world.Processor.NoteEntered(world.Machine, enclave.SecondTcs, enclave.SecondTcsAddress, new LinearAddress(0x9000),
            0x11000, 0x22000);
        Registers registers = world.Processor.Registers;
        Assert.Equal(((enclave.Base + TestEnclave.FsOffset).Value, (enclave.Base + TestEnclave.GsOffset).Value),
            (registers.FsBase, registers.GsBase));
        registers.Rip = 0x4242;
        world.ExtendedState.Value = 0x5353;
        Exit();
        Span<byte> frame = world.Machine.Memory[world.Memory.Walk(enclave.Base + 0x7000, AccessKind.Read).Page];
        Assert.Equal((0x4242ul, 0x5353ul), (MemoryMarshal.AsRef<Gprsgx>(frame[^184..]).Rip, MemoryMarshal.Read<ulong>(frame)));
    }

    [Fact]
    public void A_fast_entry_needs_a_valid_tcs_and_a_thread_outside()
    {
        void Enter(EpcPage tcs) => world.Processor.NoteEntered(world.Machine, tcs, enclave.TcsAddress, default, 0, 0);
        Assert.Throws<InvalidOperationException>(() => Enter(enclave.Data));
        Assert.Throws<InvalidOperationException>(() => Enter(world.Removed(enclave.SecondTcs)));
        Enter(enclave.Tcs);
        Assert.Throws<InvalidOperationException>(() => Enter(enclave.Tcs));
    }

    [Fact]
    public void A_fast_exit_leaves_the_tcs_free()
    {
        world.Processor.NoteEntered(world.Machine, enclave.Tcs, enclave.TcsAddress, new LinearAddress(0x9000), 0x11000, 0x22000);
        var other = new LogicalProcessor();
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eenter, enclave.TcsAddress.Value, 0x1000, 0, other));
        world.Processor.NoteExited(world.Machine);
        enclave.Enter(other);
        Assert.Throws<InvalidOperationException>(() => world.Processor.NoteExited(world.Machine));
    }

    [Fact]
    public void A_state_of_several_pages_is_kept()
    {
        var large = new World(new MachineOptions { Xsave = new XsaveLayout([(2, 576, 5000)]) });
        TestEnclave wide = TestEnclave.Built(large, secs => secs with { SsaFrameSize = 3 }, tcs => tcs with { Ossa = 0x8000, Nssa = 1 });
        for (ulong offset = 0x8000; offset < 0xb000; offset += 0x1000)
        {
            large.Machine.Epcm.Entry(wide.Augment(offset)).Pending = false;
        }

        wide.Enter();
        large.ExtendedState.Value = 0x1357;
        Aex.Execute(large.Machine, large.Processor, large.Memory, large.ExtendedState, null, 0, default);
        Assert.Equal(0ul, large.ExtendedState.Value);
        Expect.Success(large.Enclu(EncluLeaf.Eresume, wide.TcsAddress.Value, 0x1000));
        Assert.Equal(0x1357ul, large.ExtendedState.Value);
    }
}
