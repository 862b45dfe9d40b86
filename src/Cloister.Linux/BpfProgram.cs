using System.Buffers.Binary;

namespace Cloister.Linux;

/// <summary>Writes a seccomp filter in classic BPF with labels. Source: seccomp(2), uapi linux/filter.h.</summary>
/// <remarks>Jumps are forward only and at most 255 instructions far, as classic BPF has them.</remarks>
public sealed class BpfProgram
{
    /// <summary>SECCOMP_RET_ALLOW.</summary>
    public const uint Allow = 0x7fff0000;
    /// <summary>SECCOMP_RET_TRACE; the low 16 bits reach the tracer as the event message.</summary>
    public const uint Trace = 0x7ff00000;
    /// <summary>SECCOMP_RET_USER_NOTIF: whoever has the filter's listener answers.</summary>
    public const uint Notify = 0x7fc00000;

    /// <summary>Offset of <c>nr</c> in struct seccomp_data.</summary>
    public const uint NumberOffset = 0;
    /// <summary>Offset of <c>arch</c> in struct seccomp_data.</summary>
    public const uint ArchitectureOffset = 4;
    /// <summary>Offset of the low half of <c>instruction_pointer</c>; the high half follows.</summary>
    public const uint InstructionPointerOffset = 8;

    private readonly List<Instruction> _instructions = [];
    private readonly Dictionary<string, int> _labels = [];

    /// <summary>Offset of the low half of argument <paramref name="index"/> (0 to 5).</summary>
    public static uint ArgumentOffset(int index) => 16 + (uint)index * 8;

    /// <summary>A = the 32-bit word at that offset of seccomp_data.</summary>
    public BpfProgram Load(uint offset) => Add(0x20, null, null, offset);

    /// <summary>A = k.</summary>
    public BpfProgram LoadConstant(uint k) => Add(0x00, null, null, k);

    /// <summary>A &amp;= k.</summary>
    public BpfProgram And(uint k) => Add(0x54, null, null, k);

    /// <summary>If A == k go to <paramref name="label"/>.</summary>
    public BpfProgram IfEqual(uint k, string label) => Add(0x15, label, null, k);

    /// <summary>Unless A == k go to <paramref name="label"/>.</summary>
    public BpfProgram UnlessEqual(uint k, string label) => Add(0x15, null, label, k);

    /// <summary>If A >= k (unsigned) go to <paramref name="label"/>.</summary>
    public BpfProgram IfAtLeast(uint k, string label) => Add(0x35, label, null, k);

    /// <summary>If A has any of the bits go to <paramref name="label"/>.</summary>
    public BpfProgram IfAny(uint bits, string label) => Add(0x45, label, null, bits);

    /// <summary>Goes to <paramref name="label"/>.</summary>
    public BpfProgram Jump(string label) => Add(0x05, label, null, 0);

    /// <summary>Ends with that verdict.</summary>
    public BpfProgram Return(uint verdict) => Add(0x06, null, null, verdict);

    /// <summary>Names the next instruction.</summary>
    public BpfProgram Label(string name)
    {
        _labels.Add(name, _instructions.Count);
        return this;
    }

    /// <summary>The array of struct sock_filter.</summary>
    public byte[] Assemble()
    {
        byte[] bytes = new byte[_instructions.Count * 8];
        for (int i = 0; i < _instructions.Count; i++)
        {
            (ushort code, string? whenTrue, string? whenFalse, uint k) = _instructions[i];
            Span<byte> slot = bytes.AsSpan(i * 8, 8);
            BinaryPrimitives.WriteUInt16LittleEndian(slot, code);
            if (code == 0x05)
            {
                k = (uint)(_labels[whenTrue!] - i - 1);
            }
            else
            {
                slot[2] = checked((byte)(whenTrue is null ? 0 : _labels[whenTrue] - i - 1));
                slot[3] = checked((byte)(whenFalse is null ? 0 : _labels[whenFalse] - i - 1));
            }

            BinaryPrimitives.WriteUInt32LittleEndian(slot[4..], k);
        }

        return bytes;
    }

    private BpfProgram Add(ushort code, string? whenTrue, string? whenFalse, uint k)
    {
        _instructions.Add(new Instruction(code, whenTrue, whenFalse, k));
        return this;
    }

    private sealed record Instruction(ushort Code, string? WhenTrue, string? WhenFalse, uint K);
}
