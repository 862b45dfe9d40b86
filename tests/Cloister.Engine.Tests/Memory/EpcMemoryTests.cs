using Cloister.Architecture;
using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.Memory;

public sealed class EpcMemoryTests : IDisposable
{
    private readonly EnclaveFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Each_page_has_bytes_of_its_own()
    {
        EpcMemory memory = _files.Memory;
        Assert.Equal(16, memory.PageCount);
        for (int i = 0; i < memory.PageCount; i++)
        {
            Assert.Equal(4096, memory[new EpcPage(i)].Length);
            memory[new EpcPage(i)].Fill((byte)(i + 1));
        }

        for (int i = 0; i < memory.PageCount; i++)
        {
            Assert.False(memory[new EpcPage(i)].ContainsAnyExcept((byte)(i + 1)));
        }
    }

    [Fact]
    public void A_placed_page_lies_in_the_enclaves_file()
    {
        EpcMemory memory = _files.Memory;
        EnclaveFile file = _files.Open();
        var page = new EpcPage(3);
        memory[page].Fill(1);
        Assert.Null(memory.PlaceOf(page));
        file.Place(page, 5 * 4096);
        Assert.Equal((file, 5ul * 4096), memory.PlaceOf(page));
        memory[page].Fill(2);
        Assert.False(file.Bytes(5 * 4096).ContainsAnyExcept((byte)2));
        file.Remove(page, 5 * 4096);
        Assert.Null(memory.PlaceOf(page));
        Assert.Equal(1, memory[page][0]);
        file.FlushPunches();
        Assert.False(file.Bytes(5 * 4096).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_page_that_is_placed_where_one_was_removed_is_empty()
    {
        EnclaveFile file = _files.Open();
        ulong[] offsets = [3 * 4096, 4 * 4096, 7 * 4096, 3 * 4096];
        foreach (ulong offset in offsets)
        {
            file.Place(new EpcPage(2), offset);
            Assert.False(file.Bytes(offset).ContainsAnyExcept((byte)0));
            file.Bytes(offset).Fill(7);
            file.Remove(new EpcPage(2), offset);
        }

        file.FlushPunches();
        Assert.All(offsets, offset => Assert.False(file.Bytes(offset).ContainsAnyExcept((byte)0)));
    }

    [Fact]
    public void Expected_pages_have_their_contents_before_they_are_filled()
    {
        EpcMemory memory = _files.Memory;
        EnclaveFile file = _files.Open();
        byte[] contents = new byte[4 * 4096];
        new Random(1).NextBytes(contents);
        file.Expect(8 * 4096, contents);
        for (int i = 0; i < 3; i++)
        {
            var page = new EpcPage(i);
            ReadOnlySpan<byte> bytes = contents.AsSpan(i * 4096, 4096);
            file.Place(page, (ulong)(8 + i) * 4096);
            memory.Fill(page, bytes);
            Assert.Equal(bytes, memory.Contents(page));
            Assert.Equal(bytes, memory[page]);
        }

        file.ExpectNoMore();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(contents.AsSpan(i * 4096, 4096), file.Bytes((ulong)(8 + i) * 4096));
        }

        Assert.False(file.Bytes(11 * 4096).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void An_expected_page_that_is_written_reads_as_it_is()
    {
        EpcMemory memory = _files.Memory;
        EnclaveFile file = _files.Open();
        byte[] contents = new byte[2 * 4096];
        contents.AsSpan().Fill(5);
        file.Expect(0, contents);
        file.Place(new EpcPage(1), 0);
        memory.Fill(new EpcPage(1), contents.AsSpan(0, 4096));
        memory[new EpcPage(1)][17] = 6;
        Assert.Equal(6, memory.Contents(new EpcPage(1))[17]);
        Assert.Equal(5, memory.Contents(new EpcPage(1))[18]);
    }

    [Fact]
    public void A_page_that_was_not_expected_is_copied()
    {
        EpcMemory memory = _files.Memory;
        EnclaveFile file = _files.Open();
        byte[] expected = new byte[2 * 4096], contents = new byte[4096];
        expected.AsSpan().Fill(5);
        contents.AsSpan().Fill(6);
        file.Expect(0, expected);
        file.Place(new EpcPage(1), 4 * 4096);
        memory.Fill(new EpcPage(1), contents);
        Assert.Equal(contents, memory.Contents(new EpcPage(1)));
        Assert.Equal(contents, memory[new EpcPage(1)]);
        file.ExpectNoMore();
        Assert.False(file.Bytes(0).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_cleared_page_is_zero_whatever_was_there()
    {
        EpcMemory memory = _files.Memory;
        EnclaveFile file = _files.Open();
        var page = new EpcPage(4);
        for (int i = 0; i < 3; i++)
        {
            file.Place(page, 8192);
            memory.Clear(page);
            Assert.False(memory.Contents(page).ContainsAnyExcept((byte)0));
            if (i == 0)
            {
                memory[page].Fill(3);
            }
            else
            {
                byte[] contents = new byte[4096];
                contents.AsSpan().Fill(4);
                memory.Fill(page, contents);
            }

            memory.Clear(page);
            Assert.False(memory.Contents(page).ContainsAnyExcept((byte)0));
            memory[page].Fill(5);
            file.Remove(page, 8192);
        }

        memory[page].Fill(6);
        memory.Clear(page);
        Assert.False(memory[page].ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Populated_pages_are_zero_and_keep_what_is_there()
    {
        EnclaveFile file = _files.Open();
        file.Bytes(4096).Fill(9);
        file.Populate(0, 3);
        Assert.False(file.Contents(0).ContainsAnyExcept((byte)0));
        Assert.False(file.Contents(4096).ContainsAnyExcept((byte)9));
        Assert.False(file.Bytes(8192).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Unmapping_keeps_the_bytes()
    {
        EnclaveFile file = _files.Open();
        file.Bytes(4096).Fill(9);
        file.Bytes(8192).Fill(8);
        file.Unmap(4096);
        Assert.False(file.Bytes(4096).ContainsAnyExcept((byte)9));
        file.Remove(new EpcPage(0), 4096);
        file.FlushPunches();
        Assert.False(file.Bytes(4096).ContainsAnyExcept((byte)0));
        Assert.Equal(8, file.Bytes(8192)[0]);
    }

    [Fact]
    public void Files_are_their_inodes()
    {
        EnclaveFile one = _files.Open(), other = _files.Open();
        Assert.NotEqual(one.Identity, other.Identity);
        Assert.NotEqual((0ul, 0ul), one.Identity);
    }
}
