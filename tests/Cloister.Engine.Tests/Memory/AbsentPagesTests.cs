using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Memory;

/// <summary><see cref="AbsentPages"/>: what the driver took away goes from the process, and no byte is lost.</summary>
public sealed class AbsentPagesTests : IDisposable
{
    private const ulong Place = 0x7000_0000_0000, Page = 4096;
    private readonly OwnThread _own = new();
    private readonly EnclaveFiles _files = new();
    private readonly Other _other = new();
    private readonly EnclaveFile _file;
    private readonly AbsentPages _absent;

    public AbsentPagesTests()
    {
        _file = _files.Open();
        _own.Space.Mappings.Add(new EnclaveMapping(Place, Place + 64 * Page, MemoryProtection.Read, _file, Delta: unchecked(0UL - Place)));
        _file.NoteMapped(_own.Space);
        _absent = new AbsentPages(_own.Space, _own.Space.Mappings, _own.Space.Pages, _own.Machine);
    }

    public void Dispose()
    {
        _own.Dispose();
        _files.Dispose();
    }

    [Fact]
    public void A_few_go_one_by_one_for_everybody_and_keep_their_bytes()
    {
        _file.NoteMapped(_other);
        _file.Bytes(2 * Page).Fill(0x5a);
        Have(2, 3);
        _absent.Note(Place + 2 * Page, 2);
        _absent.Flush();

        Assert.False(_absent.NeedsCalls);
        Assert.Equal(["stop 2", "punched 2", "refresh 2", "stop 3", "punched 3", "refresh 3"], _other.Heard);
        Assert.Equal(NativeAccess.None, _own.Space.Pages.Peek(Place + 2 * Page).Native);
        Assert.False(_file.Bytes(2 * Page).ContainsAnyExcept((byte)0x5a));
    }

    [Fact]
    public void Many_in_a_row_that_nobody_else_has_take_one_call()
    {
        Have([.. Enumerable.Range(8, 20)]);
        _absent.Note(Place + 8 * Page, 20);
        _absent.Flush();
        Assert.True(_absent.NeedsCalls);
        var calls = new RemoteCalls();
        _absent.AddCalls(calls);

        RemoteCall call = Assert.Single(calls.All);
        Assert.Equal((SystemCall.Madvise, Place + 8 * Page, 20 * Page, 4UL),
            (call.Number, call.Arguments[0], call.Arguments[1], call.Arguments[2]));
        Assert.Equal(NativeAccess.None, _own.Space.Pages.Peek(Place + 27 * Page).Native);
        Assert.False(_absent.NeedsCalls);
    }

    [Fact]
    public void Many_that_others_have_as_well_go_one_by_one()
    {
        _file.NoteMapped(_other);
        Have([.. Enumerable.Range(8, 20)]);
        _absent.Note(Place + 8 * Page, 20);
        _absent.Flush();

        Assert.False(_absent.NeedsCalls);
        Assert.Equal(20, _other.Heard.Count(heard => heard.StartsWith("stop", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_has_gone_already_or_is_not_mapped_is_left_alone()
    {
        _file.NoteMapped(_other);
        _own.Space.Pages[Place + 70 * Page].Native = NativeAccess.Read;
        _absent.Note(Place + 5 * Page, 1);
        _absent.Note(Place + 70 * Page, 1);
        _absent.Flush();

        Assert.Empty(_other.Heard);
        Have(5);
        _absent.Flush();
        Assert.Empty(_other.Heard);
    }

    private void Have(params int[] pages)
    {
        foreach (int page in pages)
        {
            _own.Space.Pages[Place + (ulong)page * Page].Native = NativeAccess.Read;
        }
    }

    private sealed class Other : IFileView
    {
        public List<string> Heard { get; } = [];

        public bool Reaches(EnclaveFile file, ulong address) => true;

        public void Refresh(EnclaveFile file, ulong offset, int pages) => Heard.Add("refresh all");

        public void Refresh(ulong page) => Heard.Add($"refresh {(page - Place) / Page}");

        public void StopWriters(ulong page) => Heard.Add($"stop {(page - Place) / Page}");

        public void NotePunched(EnclaveFile file, ulong offset) => Heard.Add($"punched {offset / Page}");

        public void Unguard(IllegalSite site)
        {
        }
    }
}
