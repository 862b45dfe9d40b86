using System.Buffers.Binary;
using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>A seccomp filter of a program's own, made so that the calls the tracer makes in the program do not stand under it.</summary>
/// <remarks>
/// What the gadget calls, and the one mmap that maps the gadget at exec, is answered TRACE before the program's instructions are asked: the
/// tracer then knows whether the call is its own, so the program's sandbox has no new hole. Everything else the program's filter decides,
/// and sees as it would without Cloister.
/// </remarks>
internal static class ProgramFilter
{
    /// <summary>BPF_MAXINSNS, uapi linux/bpf_common.h.</summary>
    public const int MostInstructions = 4096;

    /// <summary>Upper half of the offset of the mmap that maps the gadget, which is anonymous: the kernel takes any
    /// offset that is a multiple of a page.</summary>
    public const uint GadgetMark = 0x000c_1015;

    /// <summary>Bytes of an instruction, struct sock_filter.</summary>
    public const int InstructionLength = 8;

    // SECCOMP_RET_ERRNO
    private const uint ArchitectureX8664 = 0xc000003e, ActionMask = 0xffff0000, NotThere = 0x00050000 | (uint)Errno.ENOSYS;
    private const ushort ReturnConstant = 0x06;

    // A program may count on A being 0 at its first instruction (BPF_LD | BPF_IMM).
    private static readonly byte[] s_prologue =
    [
        .. new BpfProgram()
            .Load(BpfProgram.ArchitectureOffset).UnlessEqual(ArchitectureX8664, "program")
            .Load(BpfProgram.InstructionPointerOffset + 4).UnlessEqual((uint)(Area.Gadget >> 32), "mmap")
            .Load(BpfProgram.InstructionPointerOffset).And(0xfffff000).IfEqual(unchecked((uint)Area.Gadget), "ours")
            .Label("mmap").Load(BpfProgram.NumberOffset).UnlessEqual((uint)SystemCall.Mmap, "program")
            .Load(BpfProgram.ArgumentOffset(5) + 4).UnlessEqual(GadgetMark, "program")
            .Label("ours").Return(BpfProgram.Trace)
            .Label("program").LoadConstant(0)
            .Assemble(),
    ];

    /// <summary>Instructions that come first.</summary>
    public static int PrologueCount => s_prologue.Length / InstructionLength;

    /// <summary>The filter to install instead.</summary>
    /// <param name="program">The program's own, an array of struct sock_filter of at most <see cref="MostInstructions"/> less
    /// <see cref="PrologueCount"/>.</param>
    public static byte[] Make(ReadOnlySpan<byte> program)
    {
        byte[] made = [.. s_prologue, .. program];
        for (int at = s_prologue.Length; at < made.Length; at += InstructionLength)
        {
            Span<byte> instruction = made.AsSpan(at, InstructionLength), constant = instruction[4..];
            if (BinaryPrimitives.ReadUInt16LittleEndian(instruction) == ReturnConstant
                && (BinaryPrimitives.ReadUInt32LittleEndian(constant) & ActionMask) == BpfProgram.Trace)
            {
                // Nobody else can trace the program: without a tracer the kernel answers ENOSYS. seccomp(2), SECCOMP_RET_TRACE.
                BinaryPrimitives.WriteUInt32LittleEndian(constant, NotThere);
            }
        }

        return made;
    }

    /// <summary>A filter for strict mode: read, write, exit and rt_sigreturn pass, and all else stops.</summary>
    public static byte[] Strict()
    {
        var body = new BpfProgram().Load(BpfProgram.ArchitectureOffset).UnlessEqual(ArchitectureX8664, "stop")
            .Load(BpfProgram.NumberOffset);
        foreach (long number in StrictCalls)
        {
            _ = body.IfEqual((uint)number, "allow");
        }

        return [.. s_prologue, .. body.Label("stop").Return(BpfProgram.Trace).Label("allow").Return(BpfProgram.Allow).Assemble()];
    }

    /// <summary>What strict mode allows. Linux, kernel/seccomp.c, mode1_syscalls.</summary>
    public static IReadOnlyList<long> StrictCalls { get; } = [SystemCall.Read, SystemCall.Write, SystemCall.Exit, SystemCall.RtSigreturn];
}
