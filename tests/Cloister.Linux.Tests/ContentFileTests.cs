using System.Text;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

/// <summary><see cref="ContentFile"/> and <see cref="ForeignMemory"/>.</summary>
public class ContentFileTests
{
    [Fact]
    public void It_says_what_it_was_made_of_and_nobody_changes_it()
    {
        int file = ContentFile.Make("what it says"u8);
        Assert.True(file >= 0);
        Assert.Equal("what it says", File.ReadAllText(ProcPath.OfDescriptor(Environment.ProcessId, file)));
        Assert.NotEqual(Errno.None, HostKernel.WriteAt(file, "W"u8, 0));
        HostKernel.Close(file);
    }

    [Fact]
    public void Memory_is_read_to_the_end_of_its_page_where_the_next_is_none()
    {
        ulong memory = OwnMemory.Map(2);
        int thread = HostKernel.CurrentThread;
        Span<byte> into = stackalloc byte[64];
        Assert.True(ForeignMemory.TryWrite(thread, memory + 4096 - 8, Encoding.ASCII.GetBytes("12345678abcdefgh")));
        Assert.Equal(64, ForeignMemory.Read(thread, memory + 4096 - 8, into));
        Assert.Equal("12345678abcdefgh", Encoding.ASCII.GetString(into[..16]));
        OwnMemory.Unmap(memory + 4096, 1);
        Assert.Equal(8, ForeignMemory.Read(thread, memory + 4096 - 8, into));
        Assert.Equal(0, ForeignMemory.Read(thread, 8, into));
        Assert.False(ForeignMemory.TryWrite(thread, memory + 4096 - 4, into));
        OwnMemory.Unmap(memory, 1);
    }
}
