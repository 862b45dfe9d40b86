namespace Cloister.Engine.Platforms.Tracing;

/// <summary>A few instructions in the traced program that make a table of system calls, then one that only a tracer can answer.</summary>
/// <remarks>A batch costs one stop. It ends in a system call that the filter traces, not in int3: a SIGTRAP would be
/// forced on a program that blocks or ignores it, and the kernel resets its handler then. The call is exit_group,
/// which every container's seccomp profile allows; it answers ENOSYS to numbers that it does not know, before our filter is asked (the
/// lowest action of all filters wins. seccomp(2)).</remarks>
internal static class Gadget
{
    /// <summary>Number of the system call that ends a batch: exit_group. From here the filter answers TRACE to it,
    /// and it is never made.</summary>
    public const uint EndOfBatch = 231;

    /// <summary>Bytes of an entry: number, six arguments, result.</summary>
    public const int EntryLength = 64;

    /// <summary>Offset of the SYSCALL that makes the calls of the table.</summary>
    public const int SyscallOffset = 27;

    /// <summary>The code, to run at <see cref="Area.Gadget"/> with RBX at the first entry and RBP the number of entries.</summary>
    /// <remarks>Every program needs it at its start, when an assembler would have to be loaded and started first.</remarks>
    public static ReadOnlySpan<byte> Code =>
    [
        0x48, 0x8b, 0x03, // next: mov rax, [rbx]
        0x48, 0x8b, 0x7b, 8, // mov rdi, [rbx+8]
        0x48, 0x8b, 0x73, 16, // mov rsi, [rbx+16]
        0x48, 0x8b, 0x53, 24, // mov rdx, [rbx+24]
        0x4c, 0x8b, 0x53, 32, // mov r10, [rbx+32]
        0x4c, 0x8b, 0x43, 40, // mov r8, [rbx+40]
        0x4c, 0x8b, 0x4b, 48, // mov r9, [rbx+48]
        0x0f, 0x05, // syscall
        0x48, 0x89, 0x43, 56, // mov [rbx+56], rax
        0x48, 0x83, 0xc3, EntryLength, // add rbx, EntryLength
        0x48, 0xff, 0xcd, // dec rbp
        0x75, 0xd6, // jne next
        0xb8, (byte)EndOfBatch, 0, 0, 0, // mov eax, EndOfBatch
        0x0f, 0x05, // syscall
        0x0f, 0x0b, // ud2

        // Up to Area.ProtectCalls.
        0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
        0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
        0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
        0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
        0x49, 0x8b, 0x70, 8, // next: mov rsi, [r8+8]
        0x48, 0x85, 0xf6, // test rsi, rsi
        0x74, 0x14, // je done
        0x49, 0x8b, 0x38, // mov rdi, [r8]
        0x49, 0x8b, 0x50, 16, // mov rdx, [r8+16]
        0xb8, 10, 0, 0, 0, // mov eax, 10 (mprotect)
        0x0f, 0x05, // syscall
        0x49, 0x83, 0xc0, 24, // add r8, 24
        0xeb, 0xe3, // jmp next
        0x41, 0xff, 0x21, // done: jmp [r9]
    ];
}
