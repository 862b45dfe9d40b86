using Cloister.Engine.Platforms;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Platforms;

public class ProgramFilterTests
{
    private const uint KillProcess = 0x80000000, ErrnoNotThere = 0x00050000 | 38, Notify = 0x7fc00000, I386 = 0x40000003;
    private static readonly byte[] s_killsAll = new BpfProgram().Return(KillProcess).Assemble();
    private static readonly byte[] s_made = ProgramFilter.Make(s_killsAll);

    [Fact]
    public void The_gadgets_calls_ask_the_tracer()
    {
        foreach (ulong at in (ulong[])[Area.Gadget, Area.Gadget + 29, Area.Gadget + 4095])
        {
            Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(s_made, BpfInterpreter.Data(SystemCall.Mremap, at)));
            Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(ProgramFilter.Strict(), BpfInterpreter.Data(SystemCall.Mremap, at)));
        }
    }

    [Theory]
    [InlineData(Area.Gadget - 1)]
    [InlineData(Area.Gadget + 4096)]
    [InlineData(Area.Gadget & 0xffffffff)]
    [InlineData(0x401000)]
    public void All_others_ask_the_programs_filter(ulong at)
    {
        Assert.Equal(KillProcess, BpfInterpreter.Run(s_made, BpfInterpreter.Data(SystemCall.Mremap, at)));
        Assert.Equal(KillProcess, BpfInterpreter.Run(s_made, BpfInterpreter.Data(SystemCall.Mmap, at)));
    }

    [Fact]
    public void The_map_of_the_gadget_is_known_by_its_offset()
    {
        ulong[] Arguments(uint mark) => [Area.Gadget, 4096, 5, 0x22, ulong.MaxValue, (ulong)mark << 32];
        Assert.Equal(BpfProgram.Trace,
            BpfInterpreter.Run(s_made, BpfInterpreter.Data(SystemCall.Mmap, arguments: Arguments(ProgramFilter.GadgetMark))));
        Assert.Equal(KillProcess,
            BpfInterpreter.Run(s_made, BpfInterpreter.Data(SystemCall.Mmap, arguments: Arguments(ProgramFilter.GadgetMark + 1))));
        Assert.Equal(KillProcess,
            BpfInterpreter.Run(s_made, BpfInterpreter.Data(SystemCall.Munmap, arguments: Arguments(ProgramFilter.GadgetMark))));
    }

    [Fact]
    public void Other_architectures_calls_are_the_programs_own() =>
        Assert.Equal(KillProcess, BpfInterpreter.Run(s_made, BpfInterpreter.Data(SystemCall.Read, Area.Gadget, I386)));

    [Fact]
    public void The_program_finds_the_accumulator_as_the_kernel_leaves_it()
    {
        byte[] filter =
            ProgramFilter.Make(new BpfProgram().IfEqual(0, "zero").Return(KillProcess).Label("zero").Return(BpfProgram.Allow).Assemble());
        Assert.Equal(BpfProgram.Allow, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Read)));
        Assert.Equal(BpfProgram.Allow, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Read, architecture: I386)));
    }

    [Theory]
    [InlineData(BpfProgram.Trace, ErrnoNotThere)]
    [InlineData(BpfProgram.Trace | 0x1234, ErrnoNotThere)]
    [InlineData(BpfProgram.Allow, BpfProgram.Allow)]
    [InlineData(Notify, Notify)]
    [InlineData(0x00050000u, 0x00050000u)]
    public void Only_what_asks_a_tracer_is_changed(uint action, uint expected) =>
        Assert.Equal(expected,
            BpfInterpreter.Run(ProgramFilter.Make(new BpfProgram().Return(action).Assemble()), BpfInterpreter.Data(SystemCall.Read)));

    [Fact]
    public void The_programs_instructions_follow_unchanged()
    {
        byte[] program = new BpfProgram().Load(BpfProgram.NumberOffset).IfEqual(1, "a").Return(5).Label("a").Return(KillProcess).Assemble();
        Assert.Equal(program, ProgramFilter.Make(program)[^program.Length..]);
        Assert.Equal(ProgramFilter.PrologueCount, (ProgramFilter.Make(program).Length - program.Length) / ProgramFilter.InstructionLength);
    }

    [Fact]
    public void Strict_mode_has_four_calls()
    {
        for (int number = 0; number < 500; number++)
        {
            // read, write, rt_sigreturn and exit: syscall_64.tbl.
            Assert.Equal(number is 0 or 1 or 15 or 60 ? BpfProgram.Allow
                : BpfProgram.Trace, BpfInterpreter.Run(ProgramFilter.Strict(), BpfInterpreter.Data(number)));
        }
    }
}
