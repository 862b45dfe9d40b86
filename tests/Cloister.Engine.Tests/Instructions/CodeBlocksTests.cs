using Cloister.Engine.Instructions;

namespace Cloister.Engine.Tests.Instructions;

/// <summary>Where runs of instructions begin: <see cref="CodeBlocks"/>.</summary>
public sealed class CodeBlocksTests
{
    private const ulong At = 0x1000;

    [Fact]
    public void A_branch_ends_a_block_and_begins_two()
    {
        // 0: test eax, eax; 2: je 5; 4: nop; 5: ret; 6: nop
        Assert.Equal([At, At + 4, At + 5], CodeBlocks.Find([0x85, 0xc0, 0x74, 0x01, 0x90, 0xc3, 0x90], At, [At]));
    }

    [Fact]
    public void A_call_may_not_come_back()
    {
        // 0: call 7; 5: nop; 6: ret; 7: ud2
        Assert.Equal([At, At + 5, At + 7], CodeBlocks.Find([0xe8, 0x02, 0, 0, 0, 0x90, 0xc3, 0x0f, 0x0b], At, [At]));
    }

    [Fact]
    public void What_nothing_leads_to_may_be_data()
    {
        // 0: jmp 6; 2: four bytes that begin a longer instruction; 6: ret
        Assert.Equal([At, At + 6], CodeBlocks.Find([0xeb, 0x04, 0x48, 0xb8, 0x00, 0x00, 0xc3], At, [At]));
    }

    [Fact]
    public void The_middle_of_an_instruction_is_none()
    {
        // 0: je 3; 2: lock cmpxchg [rdi], ecx, of which the branch leaves out the prefix; 6: ret
        Assert.Equal([At, At + 2], CodeBlocks.Find([0x74, 0x01, 0xf0, 0x0f, 0xb1, 0x0f, 0xc3], At, [At]));
    }

    [Fact]
    public void Roots_outside_and_what_cannot_be_decoded_are_left_out()
    {
        Assert.Equal([At], CodeBlocks.Find([0xc3, 0x06], At, [At, At + 1, At - 1, At + 2, 0, ulong.MaxValue]));
        Assert.Empty(CodeBlocks.Find([], At, [At]));

        // A jump into another segment, and one whose end is missing.
        Assert.Equal([At], CodeBlocks.Find([0xe9, 0, 0, 1, 0], At, [At]));
        Assert.Empty(CodeBlocks.Find([0xe9, 0, 0], At, [At]));
    }
}
