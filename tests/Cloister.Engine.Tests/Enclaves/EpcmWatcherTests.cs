using Cloister.Architecture;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Enclaves;

public sealed class EpcmWatcherTests : IDisposable
{
    private readonly EnclaveFiles _files = new();
    private readonly Listener _heard = new();
    private readonly View _view = new();
    private readonly EnclaveFile _file;
    private readonly EpcmWatcher _watcher;
    private readonly SgxMachine _machine;

    public EpcmWatcherTests()
    {
        _file = _files.Open();
        _file.NoteMapped(_view);
        _machine = new SgxMachine(new MachineOptions(), _files.Memory);
        _watcher = new EpcmWatcher(_files.Memory, _heard, new AwaitedTables());
    }

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(EnclsLeaf.Emodpr, true, true)]
    [InlineData(EnclsLeaf.Emodt, true, true)]
    [InlineData(EnclsLeaf.Eblock, true, true)]
    [InlineData(EnclsLeaf.Eaug, true, false)]
    [InlineData(EnclsLeaf.Eldu, true, false)]
    [InlineData(EnclsLeaf.Elduc, true, false)]
    [InlineData(EnclsLeaf.Eadd, false, false)]
    [InlineData(EnclsLeaf.Ewb, false, false)]
    public void Only_what_takes_rights_from_a_page_that_is_there_is_told_at_once(EnclsLeaf leaf, bool isFollowed, bool isTold)
    {
        Execute(leaf, 1, 0x3000);
        Assert.Equal(isTold ? [0x3000UL] : [], _heard.Changes);
        Assert.Empty(_view.Refreshed);
        _watcher.Apply(_machine);

        Assert.Equal(isFollowed ? [(0x3000UL, 1)] : [], _view.Refreshed);
    }

    [Fact]
    public void Pages_in_a_row_are_followed_at_once_and_each_once()
    {
        Execute(EnclsLeaf.Emodpr, 1, 0x1000);
        Execute(EnclsLeaf.Emodpr, 2, 0x2000);
        Execute(EnclsLeaf.Emodpr, 3, 0x3000);
        Execute(EnclsLeaf.Emodpr, 4, 0x8000);
        Execute(EnclsLeaf.Emodpr, 5, 0x7000);
        _watcher.Apply(_machine);
        _watcher.Apply(_machine);

        Assert.Equal([(0x1000UL, 3), (0x8000UL, 1), (0x7000UL, 1)], _view.Refreshed);
    }

    [Fact]
    public void A_page_that_went_meanwhile_is_left_out()
    {
        Execute(EnclsLeaf.Emodpr, 1, 0x1000);
        Execute(EnclsLeaf.Emodpr, 2, 0x2000);
        Execute(EnclsLeaf.Emodpr, 3, 0x3000);
        _files.Memory.Remove(new EpcPage(2));
        _watcher.Apply(_machine);

        Assert.Equal([(0x1000UL, 1), (0x3000UL, 1)], _view.Refreshed);
        _watcher.EnclsExecuted(EnclsLeaf.Emodpr, new EpcPage(2), new LinearAddress(0), default);
        Assert.Equal(3, _heard.Changes.Count);
    }

    private void Execute(EnclsLeaf leaf, int page, ulong offset)
    {
        _file.Place(new EpcPage(page), offset);
        _watcher.EnclsExecuted(leaf, new EpcPage(page), new LinearAddress(offset), default);
    }

    private sealed class Listener : IPageObserver
    {
        public List<ulong> Changes { get; } = [];

        public void Changed(EnclaveFile file, ulong offset) => Changes.Add(offset);
    }

    private sealed class View : IFileView
    {
        public List<(ulong Offset, int Pages)> Refreshed { get; } = [];

        public bool Reaches(EnclaveFile file, ulong address) => true;

        public void Refresh(EnclaveFile file, ulong offset, int pages) => Refreshed.Add((offset, pages));

        public void Refresh(ulong page)
        {
        }

        public void StopWriters(ulong page)
        {
        }

        public void NotePunched(EnclaveFile file, ulong offset)
        {
        }

        public void Unguard(IllegalSite site)
        {
        }
    }
}
