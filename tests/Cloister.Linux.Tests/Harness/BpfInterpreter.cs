using System.Buffers.Binary;

namespace Cloister.Linux.Tests.Harness;

/// <summary>
/// Runs a seccomp filter as the kernel does: classic BPF over the 64 bytes of struct seccomp_data. Source: seccomp(2), uapi
/// linux/bpf_common.h.
/// </summary>
public static class BpfInterpreter
{
    /// <summary>AUDIT_ARCH_X86_64.</summary>
    public const uint ArchitectureX8664 = 0xc000003e;

    /// <summary>struct seccomp_data: number, architecture, instruction pointer, six arguments.</summary>
    public static byte[] Data(long number, ulong instructionPointer = 0x401000, uint architecture = ArchitectureX8664,
        params ulong[] arguments)
    {
        byte[] data = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(data, (int)number);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), architecture);
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8), instructionPointer);
        for (int i = 0; i < arguments.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(16 + i * 8), arguments[i]);
        }

        return data;
    }

    /// <summary>The verdict.</summary>
    public static uint Run(ReadOnlySpan<byte> program, ReadOnlySpan<byte> data)
    {
        // The kernel takes at most BPF_MAXINSNS and checks every jump when a filter is installed.
        Assert.InRange(program.Length / 8, 1, 4096);
        Assert.Equal(0, program.Length % 8);
        uint a = 0;
        for (int pc = 0; ;)
        {
            Assert.InRange(pc, 0, program.Length / 8 - 1);
            ReadOnlySpan<byte> instruction = program.Slice(pc * 8, 8);
            ushort code = BinaryPrimitives.ReadUInt16LittleEndian(instruction);
            byte whenTrue = instruction[2], whenFalse = instruction[3];
            uint k = BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]);
            pc++;
            switch (code)
            {
                case 0x20: // LD W ABS, which seccomp allows at multiples of four
                    Assert.Equal(0u, k % 4);
                    a = BinaryPrimitives.ReadUInt32LittleEndian(data[(int)k..]);
                    break;
                case 0x00: a = k; break; // LD IMM
                case 0x54: a &= k; break; // ALU AND K
                case 0x05: pc += checked((int)k); break; // JMP JA
                case 0x15: pc += a == k ? whenTrue : whenFalse; break; // JMP JEQ K
                case 0x25: pc += a > k ? whenTrue : whenFalse; break; // JMP JGT K
                case 0x35: pc += a >= k ? whenTrue : whenFalse; break; // JMP JGE K
                case 0x45: pc += (a & k) != 0 ? whenTrue : whenFalse; break; // JMP JSET K
                case 0x06: return k; // RET K
                default: throw new InvalidOperationException($"opcode {code:x}");
            }
        }
    }
}
