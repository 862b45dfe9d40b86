using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cloister.Linux.Tests;

public class LayoutTests
{
    [Fact]
    public void User_registers_are_user_regs_struct()
    {
        // arch/x86/include/asm/user_64.h: 27 registers of 8 bytes in this order.
        string[] order =
        [
            "R15", "R14", "R13", "R12", "Rbp", "Rbx", "R11", "R10", "R9", "R8", "Rax", "Rcx", "Rdx", "Rsi", "Rdi", "OrigRax",
            "Rip", "Cs", "Rflags", "Rsp", "Ss", "FsBase", "GsBase", "Ds", "Es", "Fs", "Gs",
        ];
        Assert.Equal(216, Unsafe.SizeOf<UserRegisters>());
        Assert.Equal(order.Length, typeof(UserRegisters).GetFields().Length);
        for (int i = 0; i < order.Length; i++)
        {
            Assert.Equal(i * 8, (int)Marshal.OffsetOf<UserRegisters>(order[i]));
        }
    }

    [Theory]
    [InlineData(nameof(SignalInformation.Signal), 0)]
    [InlineData(nameof(SignalInformation.Error), 4)]
    [InlineData(nameof(SignalInformation.Code), 8)]
    [InlineData(nameof(SignalInformation.Address), 16)]
    [InlineData(nameof(SignalInformation.Detail), 24)]
    public void Signal_information_is_siginfo(string field, int offset)
    {
        // uapi asm-generic/siginfo.h: SI_MAX_SIZE is 128 and the union begins at 16 on 64-bit.
        Assert.Equal(128, Unsafe.SizeOf<SignalInformation>());
        Assert.Equal(offset, (int)Marshal.OffsetOf<SignalInformation>(field));
    }
}
