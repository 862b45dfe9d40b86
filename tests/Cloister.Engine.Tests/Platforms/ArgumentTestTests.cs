using Cloister.Engine.Platforms;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Platforms;

/// <summary><see cref="ArgumentTest"/> and <see cref="TracedCall"/>: what of a call's arguments the kernel looks at.</summary>
public class ArgumentTestTests
{
    private const ulong High = 1UL << 32;

    [Fact]
    public void Values_and_bits_are_of_an_arguments_lower_half()
    {
        ArgumentTest values = new ArgumentTest("").When(1, 5, 7), bits = new ArgumentTest("").WhenAny(2, 6);

        Assert.True(Stops(values, 0, 5) && Stops(values, 0, 7 + High));
        Assert.False(Stops(values, 5, 6) || Stops(values, 5, High));
        Assert.True(Stops(bits, 0, 0, 2) && Stops(bits, 0, 0, 12));
        Assert.False(Stops(bits, 6, 6, 9) || Stops(bits, 0, 0, 2 * High));
    }

    [Fact]
    public void The_upper_half_is_asked_for_by_itself()
    {
        ArgumentTest test = new ArgumentTest("").WhenAnyHigh(3, 1);

        Assert.True(Stops(test, 0, 0, 0, High));
        Assert.False(Stops(test, 0, 0, 0, 1) || Stops(test, 0, 0, 0, 2 * High));
    }

    [Fact]
    public void A_mask_leaves_the_other_bits_out()
    {
        ArgumentTest test = new ArgumentTest("").WhenMasked(0, 0xff00, 0xa400);

        Assert.True(Stops(test, 0xc030a401));
        Assert.False(Stops(test, 0xc030a501));
    }

    [Fact]
    public void The_first_condition_that_holds_decides()
    {
        ArgumentTest test = new ArgumentTest("", otherwise: true).When(0, 1).UnlessAny(1, 4).Unless(0, 2);

        Assert.True(Stops(test, 1, 4) && Stops(test, 3));
        Assert.False(Stops(test, 3, 4) || Stops(test, 2));
    }

    [Fact]
    public void Only_what_has_no_condition_is_always()
    {
        Assert.True(ArgumentTest.Always.IsAlways && Stops(ArgumentTest.Always));
        Assert.False(new ArgumentTest("", otherwise: true).Unless(0, 1).IsAlways);
        Assert.False(new ArgumentTest("").IsAlways || Stops(new ArgumentTest("")));
    }

    [Fact]
    public void A_call_is_tested_by_its_own_test()
    {
        byte[] filter =
            SyscallFilter.Of(
                [new TracedCall(SystemCall.Close, ArgumentTest.Always), new TracedCall(SystemCall.Dup2, new ArgumentTest("").When(0, 3))]);

        Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Close)));
        Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Dup2, arguments: 3)));
        Assert.Equal(BpfProgram.Allow, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Dup2, arguments: 4)));
    }

    private static bool Stops(ArgumentTest test, params ulong[] arguments)
    {
        byte[] filter = SyscallFilter.Of([new TracedCall(SystemCall.Ioctl, test)]);
        return BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Ioctl, arguments: arguments)) == BpfProgram.Trace;
    }
}
