using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Cli.Dumping;

/// <summary>
/// The notes of a core file: a NT_PRSTATUS for each thread. struct elf_prstatus of uapi/linux/elfcore.h, user_regs_struct of asm/user_64.h.
/// </summary>
internal static class CoreNotes
{
    private const int NoteHeader = 12, Name = 8, Status = 336, RegistersAt = 112;
    private const uint PrStatus = 1;

    // The selectors that Linux gives 64-bit programs: asm/segment.h, __USER_CS and __USER_DS.
    private const ulong CodeSelector = 0x33, StackSelector = 0x2b;

    public static byte[] Of(IEnumerable<(int Thread, Gprsgx Registers)> threads) =>
        [.. threads.SelectMany(one => Of(one.Thread, one.Registers))];

    private static byte[] Of(int thread, in Gprsgx saved)
    {
        byte[] note = new byte[NoteHeader + Name + Status];
        Span<byte> all = note;
        BinaryPrimitives.WriteUInt32LittleEndian(all, 5);
        BinaryPrimitives.WriteUInt32LittleEndian(all[4..], Status);
        BinaryPrimitives.WriteUInt32LittleEndian(all[8..], PrStatus);
        "CORE"u8.CopyTo(all[NoteHeader..]);
        Span<byte> status = all[(NoteHeader + Name)..];
        BinaryPrimitives.WriteInt32LittleEndian(status[32..], thread);
        ReadOnlySpan<ulong> registers =
        [
            saved.R15, saved.R14, saved.R13, saved.R12, saved.Rbp, saved.Rbx, saved.R11, saved.R10, saved.R9, saved.R8, saved.Rax,
            saved.Rcx, saved.Rdx,
            saved.Rsi, saved.Rdi, ulong.MaxValue, saved.Rip, CodeSelector, saved.Rflags, saved.Rsp, StackSelector, saved.Fsbase,
            saved.Gsbase, 0, 0, 0, 0,
        ];
        for (int i = 0; i < registers.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(status[(RegistersAt + (8 * i))..], registers[i]);
        }

        return note;
    }
}
