using Cloister.Architecture;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests;

public sealed class EpcMemoryTests : IDisposable
{
    private readonly EnclaveFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void EachPageHasBytesOfItsOwn()
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
    public void APlacedPageLiesInTheEnclavesFile()
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
    public void APageThatIsPlacedWhereOneWasRemovedIsEmpty()
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
    public void UnmappingKeepsTheBytes()
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
    public void FilesAreTheirInodes()
    {
        EnclaveFile one = _files.Open(), other = _files.Open();
        Assert.NotEqual(one.Identity, other.Identity);
        Assert.NotEqual((0ul, 0ul), one.Identity);
    }
}
