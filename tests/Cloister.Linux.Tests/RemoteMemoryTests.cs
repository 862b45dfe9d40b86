using System.Text;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

/// <summary>By process_vm_readv.</summary>
public sealed class DirectMemoryTests() : RemoteMemoryTests(direct: true);

/// <summary>Through /proc/PID/mem, as where a sandbox forbids the calls.</summary>
public sealed class MemoryFileTests() : RemoteMemoryTests(direct: false);

/// <summary>The process looked into is this one.</summary>
public abstract class RemoteMemoryTests : IDisposable
{
    private const int Page = 4096;
    private readonly RemoteMemory _memory;

    // Three pages: readable and writable, read only, no access.
    private readonly ulong _start = OwnMemory.Map(3);

    protected RemoteMemoryTests(bool direct)
    {
        _memory = new RemoteMemory(Environment.ProcessId, direct);
        byte[] text = new byte[3 * Page];
        for (int i = 0; i < text.Length; i++)
        {
            text[i] = (byte)(i % 251 + 1);
        }

        Assert.True(_memory.TryWrite(_start, text));
        OwnMemory.Protect(_start + Page, 1, MemoryProtection.Read);
        OwnMemory.Protect(_start + 2 * Page, 1, MemoryProtection.None);
    }

    public void Dispose()
    {
        OwnMemory.Unmap(_start, 3);
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Reads_what_the_process_may_read()
    {
        byte[] bytes = new byte[2 * Page];
        Assert.True(_memory.TryRead(_start, bytes));
        Assert.Equal((1, (byte)(Page % 251 + 1)), (bytes[0], bytes[Page]));
        Assert.False(_memory.TryRead(_start + 2 * Page, bytes.AsSpan(0, 1)));
        Assert.False(_memory.TryRead(_start + 2 * Page - 1, bytes.AsSpan(0, 2)));
    }

    [Fact]
    public void Writes_what_the_process_may_write()
    {
        byte[] bytes = new byte[2];
        Assert.True(_memory.TryWrite(_start + Page - 2, [7, 8]));
        Assert.True(_memory.TryRead(_start + Page - 2, bytes));
        Assert.Equal([7, 8], bytes);
        Assert.False(_memory.TryWrite(_start + Page, [9]));
        Assert.False(_memory.TryWrite(_start + Page - 1, [9, 9]));
        Assert.False(_memory.TryWrite(_start + 2 * Page, [9]));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(0x7fff_ffff_f000UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    public void A_wild_address_is_an_answer(ulong address)
    {
        byte[] bytes = new byte[8];
        Assert.False(_memory.TryRead(address, bytes));
        Assert.False(_memory.TryWrite(address, bytes));
        Assert.False(_memory.TryPeek(address, bytes));
        Assert.False(_memory.TryPoke(address, bytes));
        Assert.Equal(0, _memory.ReadUpTo(address, bytes));
        Assert.Null(_memory.TryReadString(address));
    }

    [Fact]
    public void Reads_up_to_the_first_page_that_cannot_be_read()
    {
        byte[] bytes = new byte[3 * Page];
        Assert.Equal(2 * Page, _memory.ReadUpTo(_start, bytes));
        Assert.Equal(2 * Page - 100, _memory.ReadUpTo(_start + 100, bytes));
        Assert.Equal((byte)(101), bytes[0]);
        Assert.Equal(10, _memory.ReadUpTo(_start + 100, bytes.AsSpan(0, 10)));
        Assert.Equal(0, _memory.ReadUpTo(_start + 2 * Page, bytes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(149)]
    public void Many_pages_are_read_up_to_a_hole(int hole)
    {
        const int pages = 150;
        ulong start = OwnMemory.Map(pages);
        try
        {
            byte[] text = new byte[pages * Page], bytes = new byte[pages * Page];
            for (int i = 0; i < text.Length; i++)
            {
                text[i] = (byte)(i % 251);
            }

            Assert.True(_memory.TryWrite(start, text));
            Assert.Equal(text.Length, _memory.ReadUpTo(start, bytes));
            Assert.Equal(text, bytes);
            Assert.Equal(text.Length - 5, _memory.ReadUpTo(start + 5, bytes.AsSpan(5)));
            Assert.Equal(text[5..], bytes[5..]);
            OwnMemory.Protect(start + (ulong)hole * Page, 1, MemoryProtection.None);
            Assert.Equal(hole * Page, _memory.ReadUpTo(start, bytes));
        }
        finally
        {
            OwnMemory.Unmap(start, pages);
        }
    }

    [Fact]
    public void Peek_and_poke_pass_page_protection()
    {
        byte[] bytes = new byte[2];
        Assert.True(_memory.TryPoke(_start + 2 * Page - 1, [5, 6]));
        Assert.True(_memory.TryPeek(_start + 2 * Page - 1, bytes));
        Assert.Equal([5, 6], bytes);
    }

    [Fact]
    public void Reads_a_string()
    {
        Put(_start + 10, "café\0next");
        Assert.Equal("café", _memory.TryReadString(_start + 10));
        Put(_start + 20, "\0");
        Assert.Equal("", _memory.TryReadString(_start + 20));
    }

    [Fact]
    public void A_string_may_cross_pages_and_not_run_into_one_that_cannot_be_read()
    {
        OwnMemory.Protect(_start, 2, MemoryProtection.Read | MemoryProtection.Write);
        string text = new('x', 600);
        Put(_start + Page - 300, text + "\0");
        Assert.Equal(text, _memory.TryReadString(_start + Page - 300));
        Put(_start + 2 * Page - 4, "tail");
        Assert.Null(_memory.TryReadString(_start + 2 * Page - 4));
        Put(_start + 2 * Page - 4, "end\0");
        Assert.Equal("end", _memory.TryReadString(_start + 2 * Page - 4));
    }

    [Fact]
    public void A_string_that_does_not_end_in_time_is_none()
    {
        OwnMemory.Protect(_start, 2, MemoryProtection.Read | MemoryProtection.Write);
        Put(_start, new string('y', 1000) + "\0");
        Assert.Null(_memory.TryReadString(_start, 512));
        Assert.Equal(1000, _memory.TryReadString(_start, 4096)!.Length);
    }

    [Fact]
    public void A_process_that_is_gone_is_an_answer()
    {
        using var gone = new RemoteMemory(int.MaxValue);
        byte[] bytes = new byte[1];
        Assert.False(gone.TryRead(_start, bytes));
        Assert.False(gone.TryPeek(_start, bytes));
        Assert.False(gone.TryPoke(_start, bytes));
    }

    private void Put(ulong address, string text) => Assert.True(_memory.TryWrite(address, Encoding.UTF8.GetBytes(text)));
}
