using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Enclaves;

/// <summary>
/// <see cref="PageFaults"/>, <see cref="MemoryFaults"/> and <see cref="ForcedExits"/>: pages that are not there, of an EPC that has room
/// and of one that has none.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class PageFaultsTests : IDisposable
{
    private const int HeapPages = 24;
    private readonly EnclaveImage _image = new() { HeapPages = HeapPages, Code = TestEngine.Touching };
    private TestEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    private void Begin(int epcPages)
    {
        _engine.Dispose();
        _engine = new TestEngine(epcPages);
        _engine.Build(_image);
    }

    private bool IsPresent(LinearAddress address) => _engine.Thread.Space.Pages.Peek(address.Value).Present;

    private void TouchHeap(int page) => _engine.Touch(_engine.Thread, _image.At(EnclaveImage.HeapPage + page));

    private byte HeapByte(int page)
    {
        EnclaveMapping mapping = _engine.Thread.Space.Mappings.Find(_image.Heap.Value)!;
        return mapping.File.Bytes(mapping.OffsetOf(_image.At(EnclaveImage.HeapPage + page).Value))[0];
    }

    [Fact]
    public void A_page_that_is_not_mapped_in_comes_in_and_the_thread_is_inside_again()
    {
        Begin(epcPages: 256);
        _engine.Enter(_engine.Thread, _image.Tcs);
        ulong rip = _engine.Thread.Peek().Rip;
        Assert.False(IsPresent(_image.Heap));
        TouchHeap(0);

        Assert.True(IsPresent(_image.Heap));
        Assert.True(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal(rip, _engine.Thread.Peek().Rip);
        Assert.Empty(_engine.Platform.Raised);
    }

    [Fact]
    public void An_address_behind_the_enclave_is_told_to_the_program()
    {
        Begin(epcPages: 256);
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Touch(_engine.Thread, new LinearAddress(_image.Base + _image.Size));

        Assert.False(_engine.Thread.Processor.EnclaveMode);
        ProgramSignal raised = Assert.Single(_engine.Platform.Raised);
        Assert.Equal((Signal.SIGSEGV, (ulong)ExceptionVector.PageFault), (raised.Number, raised.Trap));
        Assert.Equal(_image.Base + _image.Size, raised.FaultAddress);
    }

    [Fact]
    public void A_page_that_the_driver_adds_is_there_and_waits_to_be_accepted()
    {
        Begin(epcPages: 256);
        LinearAddress address = _image.At(EnclaveImage.HeapPage + HeapPages + 5);
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Touch(_engine.Thread, address);

        Assert.True(IsPresent(address));
        Assert.True(_engine.Tracer.Machine.Epcm[_engine.Thread.Space.Pages.Peek(address.Value).Page].Pending);
        ProgramSignal raised = Assert.Single(_engine.Platform.Raised);
        Assert.True((raised.ErrorCode & (uint)PageFaultErrorCode.Sgx) != 0);
    }

    [Fact]
    public void More_pages_than_the_EPC_has_come_and_go_and_keep_what_is_in_them()
    {
        const int rounds = 3;
        Begin(epcPages: 24);
        _engine.Enter(_engine.Thread, _image.Tcs);
        for (int round = 0; round < rounds; round++)
        {
            for (int page = 0; page < HeapPages; page++)
            {
                TouchHeap(page);
                while (!_engine.Thread.Processor.EnclaveMode)
                {
                    // What ERESUME needs had to go for the page, and comes in as the thread executes it.
                    Assert.Equal(_engine.Enclu, _engine.Thread.Peek().Rip);
                    _engine.Execute(_engine.Thread, EncluLeaf.Eresume, _image.Tcs.Value, _engine.Enclu);
                }

                Assert.Equal((byte)page, HeapByte(page));
            }
        }

        Assert.True(_engine.Tracer.Driver.Statistics.Evictions > HeapPages);
        Assert.Empty(_engine.Platform.Raised);
    }

    [Fact]
    public void Who_runs_inside_while_a_page_goes_is_driven_out()
    {
        Begin(epcPages: 24);
        TracedThread other = _engine.Add(2, _engine.Thread.Process);
        _engine.Enter(_engine.Thread, _image.Tcs);
        Assert.False(_engine.Held(_engine.Thread).Stopped);

        // The other thread is outside, and reads the enclave's pages as the host: each comes in for that.
        for (int page = 0; page < HeapPages; page++)
        {
            _engine.Touch(other, _image.At(EnclaveImage.HeapPage + page));
        }

        Assert.Contains($"halt {_engine.Thread.Id}", _engine.Platform.Log);
        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal(_engine.Enclu, _engine.Thread.Peek().Rip);
        Assert.EndsWith($"run {_engine.Thread.Id}",
            _engine.Platform.Log.Last(done => done.EndsWith($" {_engine.Thread.Id}", StringComparison.Ordinal)));
    }

    [Fact]
    public void One_that_is_killed_while_it_is_driven_out_keeps_nobody_waiting()
    {
        Begin(epcPages: 24);
        TracedThread other = _engine.Add(2, _engine.Thread.Process);
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Platform.OnHalt = thread => (HaltResult.Gone, default);
        for (int page = 0; page < HeapPages; page++)
        {
            _engine.Touch(other, _image.At(EnclaveImage.HeapPage + page));
        }

        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.True(_engine.Platform.Log.Count(done => done == "run 2") >= HeapPages);
    }

    [Fact]
    public void A_fault_that_is_met_while_a_thread_is_driven_out_is_answered_afterwards()
    {
        Begin(epcPages: 24);
        TracedThread other = _engine.Add(2, _engine.Thread.Process);
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Platform.OnHalt = thread => (HaltResult.Stands, new ProgramEvent(EventKind.Signal, thread.Id) { Signal = Signal.SIGTERM });
        _engine.Platform.Cause = (thread, happened) => happened.Signal == Signal.SIGTERM ? SignalCause.Sent : SignalCause.Exception;
        for (int page = 0; page < HeapPages; page++)
        {
            _engine.Touch(other, _image.At(EnclaveImage.HeapPage + page));
        }

        _engine.Tracer.Loop.Step();
        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.Contains($"run {_engine.Thread.Id} with {Signal.SIGTERM}", _engine.Platform.Log);
    }

    [Fact]
    public void Power_that_is_lost_takes_every_page_and_every_thread_out()
    {
        Begin(epcPages: 256);
        _engine.Enter(_engine.Thread, _image.Tcs);
        TouchHeap(0);
        _engine.Tracer.LosePower("a test");
        _engine.Tracer.Loop.Step();

        Assert.False(_engine.Thread.Processor.EnclaveMode);
        _engine.Enter(_engine.Thread, _image.Tcs);
        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.Equal((ulong)ExceptionVector.PageFault, _engine.Platform.Raised[^1].Trap);
    }
}
