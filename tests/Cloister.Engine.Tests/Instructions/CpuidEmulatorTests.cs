using System.Runtime.Intrinsics.X86;
using Cloister.Architecture;
using Cloister.Engine.Instructions;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Instructions;

public class CpuidEmulatorTests
{
    private const ulong Junk = 0xdead_beef_0000_0000;
    private static readonly SgxCapabilities Capabilities = new()
    {
        AttributesMask = new Attributes { Flags = (AttributeFlags)0x1_0000_0036, Xfrm = 0x2_0000_00e7 },
    };
    private readonly CpuidEmulator _emulator = new(Capabilities, [(0x1_8000_0000, 0x1_0000_0000), (0x4000_0000, 0x800_0000)]);

    [Fact]
    public void The_highest_leaf_is_at_least_that_of_sgx()
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(0, 0);
        UserRegisters answer = Ask(0);
        Assert.Equal((ulong)Math.Max((uint)eax, 0x12), answer.Rax);
        Assert.Equal(((ulong)(uint)ebx, (ulong)(uint)ecx, (ulong)(uint)edx), (answer.Rbx, answer.Rcx, answer.Rdx));
    }

    [Fact]
    public void Leaf_seven_says_sgx_and_launch_control()
    {
        // SDM 2A, CPUID: EBX bit 2 and ECX bit 30; the rest is the host's.
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(7, 0);
        UserRegisters answer = Ask(7);
        Assert.Equal((ulong)((uint)ebx | 4), answer.Rbx);
        Assert.Equal((ulong)((uint)ecx | 0x4000_0000), answer.Rcx);
        Assert.Equal(((ulong)(uint)eax, (ulong)(uint)edx), (answer.Rax, answer.Rdx));
        AssertHost(7, 1);
    }

    [Fact]
    public void Leaf_twelve_is_the_machines()
    {
        // SDM 3D, "Intel SGX Resource Enumeration Leaves".
        CpuidRegisters capabilities = CpuidSgx.Capabilities(Capabilities);
        Assert.Equal((capabilities.Eax, capabilities.Ebx, capabilities.Ecx, capabilities.Edx), Sgx(0));
        Assert.Equal(3u, capabilities.Eax & 3);
        Assert.Equal((0x36u, 1u, 0xe7u, 2u), Sgx(1));
        Assert.Equal((0x8000_0001u, 1u, 0x0000_0001u, 1u), Sgx(2));
        Assert.Equal((0x4000_0001u, 0u, 0x0800_0001u, 0u), Sgx(3));
        Assert.Equal((0u, 0u, 0u, 0u), Sgx(4));
        Assert.Equal((0u, 0u, 0u, 0u), Sgx(uint.MaxValue));
    }

    [Theory]
    [InlineData(1u, 0u)]
    [InlineData(2u, 0u)]
    [InlineData(0xdu, 0u)]
    [InlineData(0xdu, 1u)]
    [InlineData(0xdu, 2u)]
    [InlineData(0x80000002u, 0u)]
    [InlineData(0x80000008u, 0u)]
    public void Other_leaves_are_the_hosts(uint leaf, uint subleaf) => AssertHost(leaf, subleaf);

    [Fact]
    public void The_answer_is_the_same_each_time_however_many_are_asked()
    {
        // Leaf 0xD has a subleaf for each component; those beyond are zeros. More than are kept.
        for (int round = 0; round < 2; round++)
        {
            for (uint subleaf = 0; subleaf < 300; subleaf++)
            {
                AssertHost(0xd, subleaf);
            }

            AssertHost(0x80000002, 0);
        }
    }

    [Fact]
    public void Nothing_else_changes()
    {
        var registers = new UserRegisters { Rax = Junk, Rcx = Junk, Rip = 0x1234, Rsp = 0x5678, Rflags = 0x202, R11 = 9 };
        _emulator.Execute(ref registers);
        Assert.Equal((0x1234ul, 0x5678ul, 0x202ul, 9ul), (registers.Rip, registers.Rsp, registers.Rflags, registers.R11));
    }

    private (uint Eax, uint Ebx, uint Ecx, uint Edx) Sgx(uint subleaf)
    {
        UserRegisters answer = Ask(0x12, subleaf);
        return ((uint)answer.Rax, (uint)answer.Rbx, (uint)answer.Rcx, (uint)answer.Rdx);
    }

    // What differs between the host's cores or from moment to moment (the APIC's number) is masked.
    private void AssertHost(uint leaf, uint subleaf)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
        UserRegisters answer = Ask(leaf, subleaf);
        uint mask = leaf == 1 ? 0x00ff_ffff : uint.MaxValue;
        Assert.Equal(((uint)eax, (uint)ebx & mask, (uint)ecx, (uint)edx),
            ((uint)answer.Rax, (uint)answer.Rbx & mask, (uint)answer.Rcx, (uint)answer.Rdx));
    }

    private UserRegisters Ask(uint leaf, uint subleaf = 0)
    {
        // Only the low halves are the question, and the high halves of the answer are zero.
        var registers = new UserRegisters { Rax = Junk | leaf, Rcx = Junk | subleaf, Rbx = Junk, Rdx = Junk };
        _emulator.Execute(ref registers);
        Assert.All((ulong[])[registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx], value => Assert.Equal(0ul, value >> 32));
        return registers;
    }
}
