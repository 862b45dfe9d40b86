using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine;

/// <summary>A few instructions in the traced program that make a table of system calls, then one that only a tracer can answer.</summary>
/// <remarks>A batch costs one stop. It ends in a system call that the filter traces, not in int3: a SIGTRAP would be forced on a program that
/// blocks or ignores it, and the kernel resets its handler then.</remarks>
internal static class Gadget
{
    /// <summary>Number of the system call that ends a batch; the filter answers TRACE to it and nothing else knows it.</summary>
    public const uint EndOfBatch = 0x43_4c_4f;

    /// <summary>Bytes of an entry: number, six arguments, result.</summary>
    public const int EntryLength = 64;

    /// <summary>The code, to run at <see cref="Area.Gadget"/> with RBX at the first entry and RBP the number of entries.</summary>
    public static byte[] Assemble()
    {
        var a = new Assembler(64);
        Label next = a.CreateLabel();
        a.Label(ref next);
        a.mov(rax, __qword_ptr[rbx]);
        a.mov(rdi, __qword_ptr[rbx + 8]);
        a.mov(rsi, __qword_ptr[rbx + 16]);
        a.mov(rdx, __qword_ptr[rbx + 24]);
        a.mov(r10, __qword_ptr[rbx + 32]);
        a.mov(r8, __qword_ptr[rbx + 40]);
        a.mov(r9, __qword_ptr[rbx + 48]);
        a.syscall();
        a.mov(__qword_ptr[rbx + 56], rax);
        a.add(rbx, EntryLength);
        a.dec(rbp);
        a.jne(next);
        a.mov(eax, EndOfBatch);
        a.syscall();
        a.ud2();
        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), Area.Gadget);
        return stream.ToArray();
    }
}
