using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, ERESUME, in the order of its checks. The checks that it shares with EENTER are in EenterTests.</summary>
[TestsOf(typeof(Processor.Enclu.Eresume))]
public class EresumeTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EresumeTests() => enclave = TestEnclave.Built(world);

    private void Interrupt() => Aex.Execute(world.Machine, world.Processor, world.Memory, world.ExtendedState, null, 0, default);

    private LeafResult Resume(LinearAddress? tcs = null, ulong aep = 0x1234_5000) =>
        world.Enclu(EncluLeaf.Eresume, (tcs ?? enclave.TcsAddress).Value, aep);

    [Fact]
    public void A_thread_that_is_inside_cannot_resume()
    {
        enclave.Enter(second: true);
        Interrupt();
        enclave.Enter();
        Expect.GeneralProtection(Resume(enclave.SecondTcsAddress));
        enclave.Exit();
        Expect.Success(Resume(enclave.SecondTcsAddress));
    }

    [Fact]
    public void The_tcs_is_checked_as_by_eenter()
    {
        enclave.Enter();
        Interrupt();
        Expect.GeneralProtection(Resume(enclave.TcsAddress + 8));
        Expect.GeneralProtection(Resume(aep: 0x8000_0000_0000));
        Expect.Success(Eblock.Execute(world.Machine, enclave.Tcs));
        Expect.PageFault(enclave.TcsAddress, World.EpcmRead, Resume());
    }

    [Fact]
    public void Without_a_frame_in_use_there_is_nothing_to_resume() => Expect.GeneralProtection(Resume());

    [Fact]
    public void The_frame_in_use_must_be_there()
    {
        enclave.Enter();
        Interrupt();
        LinearAddress frame = enclave.Base + 0x4000;
        EpcPage page = world.Memory.Walk(frame, AccessKind.Read).Page;
        world.Memory.Unmap(frame);
        Expect.PageFault(frame, World.AbsentWrite, Resume());
        world.Memory.Map(frame, page);
        Expect.Success(Eblock.Execute(world.Machine, page));
        Expect.PageFault(frame, World.EpcmWrite, Resume());
    }

    public static TheoryData<string> Broken => new("rip", "fs", "gs", "header", "xstate", "xrstor");

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_frame_that_cannot_be_loaded_is_refused(string what)
    {
        enclave.Enter();
        Interrupt();
        EpcPage page = world.Memory.Walk(enclave.Base + 0x4000, AccessKind.Read).Page;
        Span<byte> frame = world.Machine.Memory[page];
        ref Gprsgx saved = ref System.Runtime.InteropServices.MemoryMarshal.AsRef<Gprsgx>(frame[^184..]);
        const ulong NotCanonical = 0x8000_0000_0000;
        switch (what)
        {
            case "rip":
                saved.Rip = NotCanonical;
                break;
            case "fs":
                saved.Fsbase = NotCanonical;
                break;
            case "gs":
                saved.Gsbase = NotCanonical;
                break;
            case "header":
                frame[520] = 1;
                break;
            case "xstate":
                frame[512] |= 8;
                break;
            default:
                world.ExtendedState.RestoreFails = true;
                break;
        }

        Expect.GeneralProtection(Resume());
        Assert.False(world.Processor.EnclaveMode);
        Assert.Equal((1u, 0ul), (world.Machine.TcsOf(enclave.Tcs).Cssa, world.Machine.TcsOf(enclave.Tcs).State));
    }

    [Fact]
    public void A_tcs_that_another_thread_is_in_is_refused()
    {
        enclave.Enter();
        Interrupt();
        var other = new LogicalProcessor();
        enclave.Enter(other);
        Expect.GeneralProtection(Resume());
    }

    [Fact]
    public void Everything_goes_on_as_it_was()
    {
        enclave.Enter();
        Registers registers = world.Processor.Registers;
        (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx) = (1, 2, 3, 4);
        (registers.Rsi, registers.Rdi, registers.Rbp, registers.Rsp) = (5, 6, 7, 8);
        (registers.R8, registers.R9, registers.R10, registers.R11) = (9, 10, 11, 12);
        (registers.R12, registers.R13, registers.R14, registers.R15) = (13, 14, 15, 16);
        (registers.Rip, registers.FsBase, registers.GsBase) = (enclave.Base.Value + 0x42, 0x1111, 0x2222);
        registers.Rflags = 2 | Registers.CarryFlag | Registers.DirectionFlag | Registers.OverflowFlag;
        world.ExtendedState.Value = 0xabcdef;
        var before = new Registers();
        before.CopyFrom(registers);

        Interrupt();
        Assert.Equal(0ul, world.ExtendedState.Value);
        (registers.FsBase, registers.GsBase, registers.Rflags) = (0x33000, 0x44000, 2 | Registers.ZeroFlag);
        Expect.Success(Resume(aep: 0x6666_0000));

        Assert.Equal((1ul, 2ul, 3ul, 4ul), (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx));
        Assert.Equal((before.Rsi, before.Rdi, before.Rbp, before.Rsp), (registers.Rsi, registers.Rdi, registers.Rbp, registers.Rsp));
        Assert.Equal((before.R8, before.R9, before.R10, before.R11), (registers.R8, registers.R9, registers.R10, registers.R11));
        Assert.Equal((before.R12, before.R13, before.R14, before.R15), (registers.R12, registers.R13, registers.R14, registers.R15));
        Assert.Equal((before.Rip, before.FsBase, before.GsBase, before.Rflags),
            (registers.Rip, registers.FsBase, registers.GsBase, registers.Rflags));
        Assert.Equal(0xabcdeful, world.ExtendedState.Value);
        Assert.Equal(0u, world.Machine.TcsOf(enclave.Tcs).Cssa);
        Assert.Equal((new LinearAddress(0x6666_0000), 0x33000ul, 0x44000ul),
            (world.Processor.Aep, world.Processor.SavedFsBase, world.Processor.SavedGsBase));
    }
}
