using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Processor.Encls;

namespace Cloister.Engine.Tests.Fast;

/// <summary><see cref="Accepts"/>: pages that threads may accept by themselves, and what the model makes of it.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class AcceptsTests : IDisposable
{
    private const int FirstPage = EnclaveImage.HeapPage + 100, FewestAhead = 8;
    private readonly EnclaveImage _image = new();
    private readonly TestEngine _engine;
    private readonly EnclaveFile _file;

    public AcceptsTests()
    {
        _engine = new TestEngine(mode: EngineMode.Fast);
        _engine.Build(_image);
        _engine.Enter(Thread, _image.Tcs);
        _file = Thread.Space.Mappings.Find(_image.At(0).Value)!.File;

        // As with a userfaultfd: what mprotect makes present no thread can accept by itself.
        Thread.Space.Native.ByProtection = false;
        Accepts.Prepare(Thread);
    }

    public void Dispose() => _engine.Dispose();

    private TracedThread Thread => _engine.Thread;

    private Accepts Accepts => _engine.Tracer.Accepts;

    private AwaitedPages Table => _engine.Tracer.Fast.Awaited.Of(_file)!;

    [Fact]
    public void An_enclave_has_one_table_with_what_its_pages_await()
    {
        AwaitedPages table = Table;
        Accepts.Prepare(Thread);

        Assert.Same(table, Table);
        Assert.Equal(0, table[Offset(EnclaveImage.DataPage)]);
        Assert.Equal(0, Promised());
    }

    [Fact]
    public void The_second_of_a_row_promises_some_and_each_more_twice_as_many()
    {
        Promise(0);
        Assert.Equal(0, Promised());
        Promise(1);
        Assert.Equal(FewestAhead, Promised());
        Assert.Equal((ushort)Eaug.AddedPage, Table[Offset(FirstPage + 2)]);
        Promise(2);

        Assert.Equal(2 * (FewestAhead + 1), Promised());
        Assert.Equal(0, Table[Offset(FirstPage + 2)]);
    }

    [Fact]
    public void Another_page_is_no_row()
    {
        Promise(0);
        Promise(1);
        Promise(50);

        Assert.Equal(0, Promised());
    }

    [Fact]
    public void Promises_are_taken_back_before_anything_could_break_them()
    {
        Promise(0);
        Promise(1);
        Accepts.Check();
        Assert.Equal(FewestAhead, Promised());
        Accepts.Withdraw();
        Assert.Equal(0, Promised());

        Promise(2);
        Assert.True(Promised() > 0);
        Accepts.Forget(Thread);
        Assert.Equal(0, Promised());
        Promise(3);
        Assert.Equal(0, Promised());
    }

    [Fact]
    public void The_model_follows_what_a_thread_accepted_and_nothing_else()
    {
        Promise(0);
        Promise(1);
        Note(FirstPage + 2, FirstPage + 3, 1 << 20);
        Accepts.Follow(Thread, _engine.Tracer.Fast.Of(Thread)!);

        foreach (int page in (int[])[FirstPage + 2, FirstPage + 3])
        {
            PageTableEntry entry = Thread.Space.Pages.Peek(_image.At(page).Value);
            Assert.True(entry.Present);
            Assert.Equal((true, false), (_engine.Tracer.Machine.Epcm[entry.Page].Valid, _engine.Tracer.Machine.Epcm[entry.Page].Pending));
        }

        Assert.False(Thread.Space.Pages.Peek(_image.At(FirstPage + 4).Value).Present);
        Assert.True(_engine.Tracer.Fast.Of(Thread)!.TakeAccepted(Thread).IsEmpty);
    }

    private static ulong Offset(int page) => (ulong)page * 4096;

    private void Promise(int page) => Accepts.Promise(Thread, _image.At(FirstPage + page).Value);

    private int Promised() => Enumerable.Range(FirstPage, 200).Count(page => Table[Offset(page)] != 0);

    // As the stub does.
    private void Note(params int[] pages)
    {
        Assert.True(Thread.Space.Memory.TryWrite(Area.Fast + (ulong)FastTables.Notes(0),
            [.. pages.SelectMany(page => BitConverter.GetBytes(_image.At(page).Value))]));
        Assert.True(Thread.Space.Memory.TryWrite(FastLayout.SlotAddress(0) + FastLayout.SlotNotes, BitConverter.GetBytes(pages.Length)));
    }
}
