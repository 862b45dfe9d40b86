using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

public sealed class MapsLineTests
{
    [Fact]
    public void Lines_have_range_protection_and_name()
    {
        List<MapsLine> lines = MapsLine.Parse("""
            7f0000000000-7f0000002000 r-xp 00001000 fe:00 1234   /usr/lib/a b.so
            7f0000002000-7f0000003000 rw-s 7f0000002000 00:01 99 /memfd:cloister:Enclave (deleted)
            7f0000003000-7f0000004000 ---p 00000000 00:00 0

            """u8);
        Assert.Equal(
            [
                new MapsLine(0x7f0000000000, 0x7f0000002000, MemoryProtection.Read | MemoryProtection.Execute, "/usr/lib/a b.so")
                {
                    Offset = 0x1000,
                    Device = 0xfe00,
                    Inode = 1234,
                },
                new MapsLine(0x7f0000002000, 0x7f0000003000, MemoryProtection.Read | MemoryProtection.Write,
                    "/memfd:cloister:Enclave (deleted)") { IsShared = true, Offset = 0x7f0000002000, Device = 1, Inode = 99 },
                new MapsLine(0x7f0000003000, 0x7f0000004000, MemoryProtection.None, ""),
            ],
            lines);
        Assert.Equal([false, true, false], lines.Select(line => line.IsMemoryFile));
    }

    [Fact]
    public void One_address_is_told_as_the_whole_text_tells_it()
    {
        ulong memory = OwnMemory.Map(3), hole = memory + 4096;
        OwnMemory.Unmap(hole, 1);
        OwnMemory.Protect(memory + 8192, 1, MemoryProtection.None);
        List<MapsLine> lines = MapsLine.Of(Environment.ProcessId)!;
        ulong[] addresses = [memory, memory + 4095, memory + 8192, .. MapsLine.CodeOf(Environment.ProcessId).Take(3)
            .Select(line => line.Start)];
        foreach (ulong address in addresses)
        {
            Assert.Equal(lines.Find(line => line.Contains(address))!.Protection,
                MapsLine.ProtectionAt(Environment.ProcessId, address, out bool isKnown));
            Assert.True(isKnown);
        }

        Assert.Null(MapsLine.ProtectionAt(Environment.ProcessId, hole, out bool isHoleKnown));
        Assert.True(isHoleKnown);
        Assert.Null(MapsLine.ProtectionAt(int.MaxValue, memory, out bool isNobodyKnown));
        Assert.False(isNobodyKnown);
        OwnMemory.Unmap(memory, 1);
        OwnMemory.Unmap(memory + 8192, 1);
    }

    [Fact]
    public void What_is_no_line_is_passed_over() => Assert.Empty(MapsLine.Parse("Permission denied\n\n-\n"u8));

    [Fact]
    public void The_code_of_a_process_is_what_it_can_execute_of_files()
    {
        List<MapsLine> code = MapsLine.CodeOf(Environment.ProcessId);

        Assert.NotEmpty(code);
        Assert.All(code, line => Assert.True(line.Path[0] == '/' && (line.Protection & MemoryProtection.Execute) != 0));
        Assert.Contains(code, line => line.Path.EndsWith("libc.so.6", StringComparison.Ordinal));
        Assert.Empty(MapsLine.CodeOf(1 << 23));
        Assert.True(code[0].Contains(code[0].Start) && code[0].Contains(code[0].End - 1) && !code[0].Contains(code[0].End));
    }
}
