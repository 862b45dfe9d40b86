using System.Globalization;
using Cloister.Engine.Instructions;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Instructions;

public class InstructionAccessTests
{
    private const ulong Rip = 0x401ffb;

    // code | registers | address of the fault | access. RIP is 0x401ffb, five bytes before a page ends.
    private const string Table = """
        48 8b 03             | rbx=5000           | 5000   | Read     # mov rax, [rbx]
        48 89 03             | rbx=5000           | 5000   | Write    # mov [rbx], rax
        48 89 03             | rbx=4ffc           | 5000   | Write    # ... across a page
        48 8b 03             | rbx=4ffc           | 5000   | Read
        48 01 03             | rbx=5000           | 5000   | Write    # add [rbx], rax: read and written
        48 03 03             | rbx=5000           | 5000   | Read     # add rax, [rbx]
        48 39 03             | rbx=5000           | 5000   | Read     # cmp [rbx], rax
        48 ff 03             | rbx=5000           | 5000   | Write    # inc qword [rbx]
        48 87 03             | rbx=5000           | 5000   | Write    # xchg [rbx], rax
        f0 48 0f b1 0b       | rbx=5000           | 5000   | Write    # lock cmpxchg [rbx], rcx
        f0 48 0f c7 0b       | rbx=5000           | 5000   | Write    # lock cmpxchg16b [rbx]
        48 0f b6 03          | rbx=5fff           | 5fff   | Read     # movzx rax, byte [rbx]
        c6 03 07             | rbx=5fff           | 5fff   | Write    # mov byte [rbx], 7
        48 8b 44 8b 10       | rbx=5000 rcx=2     | 5018   | Read     # mov rax, [rbx+rcx*4+16]
        48 89 44 8b f0       | rbx=5000 rcx=2     | 4ff8   | Write    # mov [rbx+rcx*4-16], rax
        41 89 00             | r8=5000            | 5000   | Write    # mov [r8], eax
        67 89 03             | rbx=100005000      | 5000   | Write    # mov [ebx], eax: 32-bit address
        48 89 05 00 10 00 00 |                    | 403002 | Write    # mov [rip+0x1000], rax
        48 8b 05 00 10 00 00 |                    | 403002 | Read
        64 48 89 04 25 10 00 00 00 | fs=7000      | 7010   | Write    # mov fs:[16], rax
        65 48 8b 04 25 10 00 00 00 | gs=7000      | 7010   | Read     # mov rax, gs:[16]
        50                   | rsp=5008           | 5000   | Write    # push rax
        58                   | rsp=5000           | 5000   | Read     # pop rax
        ff 33                | rbx=5000 rsp=9000  | 5000   | Read     # push [rbx]
        ff 33                | rbx=5000 rsp=9000  | 8ff8   | Write
        8f 03                | rbx=5000 rsp=9000  | 5000   | Write    # pop [rbx]
        8f 03                | rbx=5000 rsp=9000  | 9000   | Read
        e8 00 10 00 00       | rsp=5008           | 5000   | Write    # call
        ff 13                | rbx=5000 rsp=9000  | 5000   | Read     # call [rbx]
        ff 13                | rbx=5000 rsp=9000  | 8ff8   | Write
        c3                   | rsp=5000           | 5000   | Read     # ret
        c9                   | rbp=5000           | 5000   | Read     # leave
        a4                   | rsi=5000 rdi=6000  | 5000   | Read     # movsb
        a4                   | rsi=5000 rdi=6000  | 6000   | Write
        f3 48 a5             | rsi=5000 rdi=6000 rcx=9 | 5000 | Read # rep movsq
        f3 48 a5             | rsi=5000 rdi=6000 rcx=9 | 6000 | Write
        f3 aa                | rdi=6000 rcx=9     | 6000   | Write    # rep stosb
        f3 a6                | rsi=5000 rdi=6000 rcx=9 | 6000 | Read  # rep cmpsb
        ae                   | rdi=6000           | 6000   | Read     # scasb
        c5 fe 6f 03          | rbx=4fe8           | 5000   | Read     # vmovdqu ymm0, [rbx]
        c5 fe 7f 03          | rbx=4fe8           | 5000   | Write    # vmovdqu [rbx], ymm0
        0f 11 03             | rbx=4ff8           | 5000   | Write    # movups [rbx], xmm0
        66 0f f7 c1          | rdi=5000           | 5000   | Write    # maskmovdqu xmm0, xmm1
        0f ae 23             | rbx=5000           | 5200   | Write    # xsave [rbx]: how long is not known
        0f ae 2b             | rbx=5000           | 5200   | Read     # xrstor [rbx]
        48 0f ab 03          | rbx=5000 rax=8000  | 6000   | Write    # bts [rbx], rax: far from RBX
        48 0f a3 03          | rbx=5000 rax=8000  | 6000   | Read     # bt [rbx], rax
        0f ae 3b             | rbx=5000           | 5000   | Read     # clflush [rbx]
        48 8b 03             | rbx=5000           | 401ffb | Execute  # the instruction itself
        48 8b 05 00 10       |                    | 402000 | Execute  # its rest lies on the next page
        64 48 8b 04 25 08 00 00 00 |              | 402000 | Execute  # its rest can be read there, and not executed
        48 89 04 25 08 00 00 00 |                 | 402000 | Execute
        48 8b 05 fe ff ff ff |                    | 402000 | Read     # the operand is there too
        0f 01 d7             |                    | 401ffb | Execute  # enclu
        90                   |                    | 5000   | Read     # nothing fits
        """;

    public static TheoryData<string> Rows => [.. Table.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void The_access_is_what_the_instruction_does(string row)
    {
        string[] fields = row.Split('#')[0].Split('|', StringSplitOptions.TrimEntries);
        byte[] code = Bytes(fields[0]);
        Assert.Equal(Enum.Parse<AccessKind>(fields[3]), InstructionAccess.KindOf(code, Registers(fields[1]), Hex(fields[2])));
    }

    [Fact]
    public void No_bytes_means_the_fetch_failed() =>
        Assert.Equal(AccessKind.Execute, InstructionAccess.KindOf([], Registers(""), 0x5000));

    // SDM 3D, "Illegal Instructions".
    [Theory]
    [InlineData("0f a2", true)] // cpuid
    [InlineData("0f 37", true)] // getsec
    [InlineData("0f 33", true)] // rdpmc
    [InlineData("0f 01 00", true)] // sgdt
    [InlineData("0f 01 08", true)] // sidt
    [InlineData("0f 00 00", true)] // sldt
    [InlineData("0f 00 08", true)] // str
    [InlineData("0f 01 c1", true)] // vmcall
    [InlineData("0f 01 d4", true)] // vmfunc
    [InlineData("0f 01 e0", true)] // smsw
    [InlineData("e4 10", true)] // in
    [InlineData("ec", true)]
    [InlineData("6c", true)] // insb
    [InlineData("66 6d", true)]
    [InlineData("6d", true)]
    [InlineData("e6 10", true)] // out
    [InlineData("ef", true)]
    [InlineData("6e", true)] // outsb
    [InlineData("66 6f", true)]
    [InlineData("6f", true)]
    [InlineData("cd 80", true)] // int n
    [InlineData("cf", true)] // iret
    [InlineData("48 cf", true)]
    [InlineData("66 cf", true)]
    [InlineData("0f 05", true)] // syscall
    [InlineData("0f 34", true)] // sysenter
    [InlineData("ff 18", true)] // far call
    [InlineData("48 ff 18", true)]
    [InlineData("66 ff 18", true)]
    [InlineData("ff 28", true)] // far jump
    [InlineData("48 ff 28", true)]
    [InlineData("66 ff 28", true)]
    [InlineData("cb", true)] // far return
    [InlineData("48 cb", true)]
    [InlineData("66 cb", true)]
    [InlineData("ca 08 00", true)] // and its form that takes arguments off the stack
    [InlineData("48 ca 08 00", true)]
    [InlineData("66 ca 08 00", true)]
    [InlineData("0f b2 03", true)] // lss
    [InlineData("0f b4 03", true)] // lfs
    [InlineData("0f b5 03", true)] // lgs
    [InlineData("8e d8", true)] // mov ds, eax
    [InlineData("66 8e d8", true)]
    [InlineData("48 8e c0", true)]
    [InlineData("0f a1", true)] // pop fs
    [InlineData("0f a9", true)] // pop gs
    [InlineData("66 0f a1", true)]
    [InlineData("66 0f a9", true)]
    [InlineData("0f 01 d7", false)] // enclu
    [InlineData("cc", false)] // int3 is a debug exception
    [InlineData("0f 0b", false)] // ud2 raises it by itself
    [InlineData("0f 31", false)] // rdtsc: EnclaveCode
    [InlineData("8c d8", false)] // mov eax, ds
    [InlineData("0f a0", false)] // push fs
    [InlineData("c3", false)]
    [InlineData("e8 00 00 00 00", false)]
    [InlineData("ff 10", false)] // near call
    [InlineData("58", false)]
    [InlineData("0f 01 d0", false)] // xgetbv
    [InlineData("f3 48 0f ae c0", false)] // rdfsbase
    public void IllegalInside(string code, bool illegal) =>
        Assert.Equal(illegal, InstructionAccess.IsIllegalInside(InstructionAccess.Decode(Bytes(code), Rip)));

    // SDM 3A, "Interrupt 16": x87, WAIT and MMX instructions find a pending exception; those of SSE without an MMX register do not.
    [Theory]
    [InlineData("9b", true)] // fwait
    [InlineData("d9 e8", true)] // fld1
    [InlineData("dd 03", true)] // fld
    [InlineData("0f 77", true)] // emms
    [InlineData("0f 6e c0", true)] // movd mm0, eax
    [InlineData("0f fc d1", true)] // paddb mm2, mm1
    [InlineData("0f 70 c8 00", true)] // pshufw mm1, mm0
    [InlineData("0f 2a c0", true)] // cvtpi2ps xmm0, mm0
    [InlineData("0f 5e c8", false)] // divps
    [InlineData("f3 0f 5e c8", false)] // divss
    [InlineData("66 0f fc d1", false)] // paddb xmm2, xmm1
    [InlineData("f7 f1", false)] // div ecx
    public void Waits_for_x87(string code, bool waits) => Assert.Equal(waits, InstructionAccess.WaitsForX87(Bytes(code)));

    private static byte[] Bytes(string text) => [.. text.Split(' ').Select(b => byte.Parse(b, NumberStyles.HexNumber))];

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber);

    private static UserRegisters Registers(string text)
    {
        // A thread's real bases are rarely zero: what is not named must not matter.
        var registers = new UserRegisters
        {
            Rip = Rip,
            FsBase = 0x10_0000_0000,
            GsBase = 0x11_0000_0000,
            Rsp = 0x12_0000_0000,
            Ds = 7,
            Es = 0x2b,
        };
        foreach (string part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            (string name, ulong value) = (part.Split('=')[0], Hex(part.Split('=')[1]));
            switch (name)
            {
                case "rax": registers.Rax = value; break;
                case "rbx": registers.Rbx = value; break;
                case "rcx": registers.Rcx = value; break;
                case "rsi": registers.Rsi = value; break;
                case "rdi": registers.Rdi = value; break;
                case "rsp": registers.Rsp = value; break;
                case "rbp": registers.Rbp = value; break;
                case "r8": registers.R8 = value; break;
                case "fs": registers.FsBase = value; break;
                case "gs": registers.GsBase = value; break;
                default: throw new ArgumentException(name);
            }
        }

        return registers;
    }
}
