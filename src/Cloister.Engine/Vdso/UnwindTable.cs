using System.Buffers.Binary;

namespace Cloister.Engine.Vdso;

/// <summary>How debuggers and exceptions get from a function to its caller: .eh_frame, and the header by which unwinders find it.</summary>
/// <remarks>Linux Standard Base, "Exception Frames"; the numbers of instructions are DWARF's, "Call Frame Information". The kernel's vDSO
/// has the same (arch/x86/entry/vdso/vdso.lds.S).</remarks>
internal static class UnwindTable
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 12;

    private const byte DefineFrame = 0x0c, DefineRegister = 0x0d, DefineOffset = 0x0e, Saved = 0x80, Advance = 0x40;
    private const byte Rbx = 3, Rbp = 6, Rsp = 7, ReturnAddress = 16, RelativeInt = 0x1b, Omitted = 0xff;

    /// <summary>Functions that jump on at once: their caller's return address is on top.</summary>
    private static readonly byte[] s_leaf = [];

    // push rbp; mov rbp, rsp; push rbx: one, three bytes and one. At the very end, behind leave, it is wrong for one instruction.
    private static readonly byte[] s_framed =
        [Advance | 1, DefineOffset, 16, Saved | Rbp, 2, Advance | 3, DefineRegister, Rbp, Advance | 1, Saved | Rbx, 3];

    /// <summary>Writes the table for functions that jump on, and behind them one with a frame.</summary>
    /// <param name="at">The offset in the image at which it will lie.</param>
    /// <param name="first">Offset of the first function.</param>
    /// <param name="framed">Offset of the one with a frame.</param>
    /// <param name="end">Behind it.</param>
    public static byte[] Build(int at, int first, int framed, int end)
    {
        var table = new List<byte>();
        byte[] common =
            [0, 0, 0, 0, 1, (byte)'z', (byte)'R', 0, 1, 0x78, ReturnAddress, 1, RelativeInt, DefineFrame, Rsp, 8, Saved | ReturnAddress, 1];
        Add(table, common);
        Describe(table, at, first, framed, s_leaf);
        Describe(table, at, framed, end, s_framed);
        table.AddRange(new byte[4]);
        return [.. table];
    }

    /// <summary>Writes the header: without an index, for there are two functions.</summary>
    /// <param name="at">The offset in the image at which it will lie.</param>
    /// <param name="table">The table's.</param>
    public static byte[] Header(int at, int table)
    {
        byte[] header = [1, RelativeInt, Omitted, Omitted, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), table - (at + 4));
        return header;
    }

    private static void Describe(List<byte> table, int at, int start, int end, byte[] instructions)
    {
        byte[] entry = new byte[13 + instructions.Length];
        int place = at + table.Count + 4;
        BinaryPrimitives.WriteInt32LittleEndian(entry, table.Count + 4);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(4), start - (place + 4));
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(8), end - start);
        instructions.CopyTo(entry, 13);
        Add(table, entry);
    }

    // Its length, and padding that does nothing.
    private static void Add(List<byte> table, byte[] entry)
    {
        int length = (entry.Length + 4 + 7) / 8 * 8 - 4;
        byte[] padded = new byte[4 + length];
        BinaryPrimitives.WriteInt32LittleEndian(padded, length);
        entry.CopyTo(padded, 4);
        table.AddRange(padded);
    }
}
