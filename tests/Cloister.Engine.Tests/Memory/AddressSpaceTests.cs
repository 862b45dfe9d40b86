using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Memory;

public sealed class AddressSpaceTests : IDisposable
{
    private const ulong Page = 4096, Place = 0x7000_0000_0000;
    private readonly EnclaveFiles _files = new();
    private readonly OwnThread _own = new();

    public void Dispose()
    {
        _own.Dispose();
        _files.Dispose();
    }

    private EnclaveFile Map(ulong start, ulong pages)
    {
        EnclaveFile file = _files.Open();
        _own.Space.Mappings.Add(new EnclaveMapping(start, start + pages * Page, MemoryProtection.Read, file));
        file.NoteMapped(_own.Space);
        return file;
    }

    [Fact]
    public void What_is_unmapped_is_forgotten_and_remembered_as_departed()
    {
        EnclaveFile file = Map(Place, 4);
        Assert.Equal([file], _own.Space.Unmap(Place + Page, Place + 2 * Page));
        Assert.Null(_own.Space.Mappings.Find(Place + Page));
        Assert.NotNull(_own.Space.Mappings.Find(Place));
        EnclaveMapping departed = Assert.Single(_own.Space.Departed);
        Assert.Equal((Place + Page, Place + 2 * Page), (departed.Start, departed.End));
        Assert.Contains(_own.Space, file.Views);
    }

    [Fact]
    public void A_file_that_has_no_mapping_left_does_not_know_the_space()
    {
        EnclaveFile file = Map(Place, 1);
        _ = _own.Space.Unmap(Place, Place + Page);
        Assert.Empty(file.Views);
    }

    [Fact]
    public void Page_table_entries_go_with_their_mapping()
    {
        _ = Map(Place, 2);
        _own.Space.Pages[Place].Executable = true;
        _ = _own.Space.Unmap(Place, Place + Page);
        Assert.False(_own.Space.Pages.Peek(Place).Executable);
    }

    [Fact]
    public void A_range_may_have_the_device_while_a_thread_takes_it_away()
    {
        _ = Map(Place, 1);
        Assert.True(_own.Space.MayHaveDevice(Place, Place + 2 * Page));
        HashSet<EnclaveFile> lost = _own.Space.Unmap(Place, Place + Page);
        Assert.False(_own.Space.MayHaveDevice(Place, Place + 2 * Page));
        _own.Space.Unmappings.Add(new AddressSpace.Unmapping(_own.Thread.Id, Place, Place + Page, lost));
        Assert.True(_own.Space.MayHaveDevice(Place, Place + 2 * Page));
        Assert.False(_own.Space.MayHaveDevice(Place + Page, Place + 2 * Page));
    }

    [Fact]
    public void Calls_for_pages_that_were_taken_away_since_are_not_made()
    {
        _ = Map(Place, 2);
        _own.Space.Native.NoteUnprotected(Place);
        _own.Space.Native.NoteUnprotected(Place + Page);
        _ = _own.Space.Unmap(Place, Place + 2 * Page);
        var calls = new RemoteCalls();
        _own.Space.Native.AddProtectionCalls(calls, all: false);
        Assert.Equal(0, calls.Count);
        Assert.False(_own.Space.Native.NeedsRemoteCall);
    }

    [Fact]
    public void Pages_that_have_the_same_right_take_one_call()
    {
        _ = Map(Place, 3);
        _own.Space.Native.NoteUnprotected(Place);
        _own.Space.Native.NoteUnprotected(Place + Page);
        var calls = new RemoteCalls();
        _own.Space.Native.AddProtectionCalls(calls, all: false);
        Assert.Equal(1, calls.Count);
    }
}
