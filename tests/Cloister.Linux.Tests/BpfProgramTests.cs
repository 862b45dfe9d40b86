using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

public class BpfProgramTests
{
    private const uint Yes = BpfProgram.Trace, No = BpfProgram.Allow;

    [Fact]
    public void An_instruction_is_a_struct_sock_filter()
    {
        // struct sock_filter: u16 code, u8 jt, u8 jf, u32 k. Source: uapi linux/filter.h.
        byte[] bytes = new BpfProgram().Load(4).IfEqual(0x11223344, "end").Return(1).Label("end").Return(2).Assemble();
        Assert.Equal(
            [
                0x20, 0, 0, 0, 4, 0, 0, 0,
                0x15, 0, 1, 0, 0x44, 0x33, 0x22, 0x11,
                0x06, 0, 0, 0, 1, 0, 0, 0,
                0x06, 0, 0, 0, 2, 0, 0, 0,
            ], bytes);
    }

    [Fact]
    public void Verdicts_are_the_kernels()
    {
        // uapi linux/seccomp.h.
        Assert.Equal(0x7fff0000u, BpfProgram.Allow);
        Assert.Equal(0x7ff00000u, BpfProgram.Trace);
    }

    [Theory]
    [InlineData(9, true)]
    [InlineData(8, false)]
    [InlineData(10, false)]
    public void If_equal(uint value, bool taken) => Check(p => p.IfEqual(9, "yes"), value, taken);

    [Theory]
    [InlineData(9, false)]
    [InlineData(8, true)]
    public void Unless_equal(uint value, bool taken) => Check(p => p.UnlessEqual(9, "yes"), value, taken);

    [Theory]
    [InlineData(8, false)]
    [InlineData(9, true)]
    [InlineData(10, true)]
    [InlineData(0xffffffff, true)]
    public void If_at_least_is_unsigned(uint value, bool taken) => Check(p => p.IfAtLeast(9, "yes"), value, taken);

    [Theory]
    [InlineData(0, false)]
    [InlineData(2, true)]
    [InlineData(5, true)]
    [InlineData(8, false)]
    public void If_any(uint value, bool taken) => Check(p => p.IfAny(7, "yes"), value, taken);

    [Theory]
    [InlineData(0x1234, true)]
    [InlineData(0x1334, false)]
    public void And(uint value, bool taken) => Check(p => p.And(0xff00).IfEqual(0x1200, "yes"), value, taken);

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Jump(uint value) => Check(p => p.Jump("yes"), value, taken: true);

    [Fact]
    public void Each_field_of_the_data_is_reached()
    {
        byte[] data = BpfInterpreter.Data(11, 0x1122334455667788, 12, 20, 21, 22, 23, 24, 0x9900aabbccdd);
        uint At(uint offset)
        {
            // The interpreter tells a verdict and not A: ask bit by bit.
            uint value = 0;
            for (int bit = 0; bit < 32; bit++)
            {
                byte[] program = new BpfProgram().Load(offset).IfAny(1u << bit, "yes").Return(No).Label("yes").Return(Yes).Assemble();
                value |= BpfInterpreter.Run(program, data) == Yes ? 1u << bit : 0;
            }

            return value;
        }

        Assert.Equal(11u, At(BpfProgram.NumberOffset));
        Assert.Equal(12u, At(BpfProgram.ArchitectureOffset));
        Assert.Equal(0x55667788u, At(BpfProgram.InstructionPointerOffset));
        Assert.Equal(0x11223344u, At(BpfProgram.InstructionPointerOffset + 4));
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(20u + (uint)i, At(BpfProgram.ArgumentOffset(i)));
        }

        Assert.Equal(0xaabbccddu, At(BpfProgram.ArgumentOffset(5)));
        Assert.Equal(0x9900u, At(BpfProgram.ArgumentOffset(5) + 4));
    }

    [Fact]
    public void A_jump_further_than_its_byte_holds_is_refused()
    {
        BpfProgram Far(int between)
        {
            BpfProgram program = new BpfProgram().Load(0).IfEqual(1, "yes");
            for (int i = 0; i < between; i++)
            {
                program.Return(No);
            }

            return program.Label("yes").Return(Yes);
        }

        Assert.Equal(Yes, BpfInterpreter.Run(Far(255).Assemble(), BpfInterpreter.Data(1)));
        Assert.Throws<OverflowException>(() => Far(256).Assemble());
    }

    [Fact]
    public void A_jump_back_is_refused() =>
        Assert.ThrowsAny<Exception>(() => new BpfProgram().Label("back").Load(0).IfEqual(1, "back").Return(No).Assemble());

    [Fact]
    public void A_label_stands_once() => Assert.Throws<ArgumentException>(() => new BpfProgram().Label("a").Return(No).Label("a"));

    private static void Check(Func<BpfProgram, BpfProgram> test, uint value, bool taken)
    {
        byte[] program = test(new BpfProgram().Load(BpfProgram.ArgumentOffset(0))).Return(No).Label("yes").Return(Yes).Assemble();
        Assert.Equal(taken ? Yes : No, BpfInterpreter.Run(program, BpfInterpreter.Data(0, arguments: value)));
    }
}
