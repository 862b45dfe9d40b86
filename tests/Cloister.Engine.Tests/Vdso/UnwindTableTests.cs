using System.Buffers.Binary;
using Cloister.Engine.Vdso;

namespace Cloister.Engine.Tests.Vdso;

/// <summary><see cref="UnwindTable"/>: what unwinders read of it. Linux Standard Base, "Exception Frames".</summary>
public class UnwindTableTests
{
    private const int At = 0x400, First = 0x1000, Framed = 0x10c0, End = 0x1540;
    private readonly byte[] _table = UnwindTable.Build(At, First, Framed, End);

    private int Word(int at) => BinaryPrimitives.ReadInt32LittleEndian(_table.AsSpan(at));

    [Fact]
    public void Entries_follow_one_another_and_end()
    {
        List<int> ids = [];
        int at = 0;
        for (; Word(at) != 0; at += 4 + Word(at))
        {
            Assert.Equal(0, Word(at) % 4);
            ids.Add(Word(at + 4));
        }

        Assert.Equal(_table.Length, at + 4);
        Assert.Equal(3, ids.Count);
        Assert.Equal(0, ids[0]); // the common one
    }

    [Fact]
    public void Both_functions_are_described_by_the_common_entry()
    {
        List<(int Start, int Length)> functions = [];
        for (int at = 4 + Word(0); Word(at) != 0; at += 4 + Word(at))
        {
            Assert.Equal(0, at + 4 - Word(at + 4));
            functions.Add((At + at + 8 + Word(at + 8), Word(at + 12)));
        }

        Assert.Equal([(First, Framed - First), (Framed, End - Framed)], functions);
    }

    [Fact]
    public void The_header_leads_to_the_table()
    {
        byte[] header = UnwindTable.Header(At - UnwindTable.HeaderLength, At);
        Assert.Equal(UnwindTable.HeaderLength, header.Length);
        Assert.Equal(1, header[0]);
        Assert.Equal(At, At - UnwindTable.HeaderLength + 4 + BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)));
    }
}
