using Cloister.Driver;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Debugging;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Debugging;

/// <summary>Threads that are interrupted at places of code: <see cref="PlaceInterrupts"/>, <see cref="CodePlaces{T}"/>.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class PlaceInterruptsTests : IDisposable, IEngineObserver
{
    private readonly EnclaveImage _image = new() { Code = [.. TestEngine.Touching, 0x0f, 0xa2] };
    private readonly TestEngine _engine = new();
    private readonly Wanted _wanted = new();
    private readonly List<string> _told = [];

    public PlaceInterruptsTests()
    {
        _engine.Tracer.InterruptPlaces = _wanted;
        _engine.Tracer.Observer = this;
        _engine.Build(_image);
        _wanted.All.AddRange([Code + 3, Code + 6]);
        _engine.Enter(Thread, _image.Tcs);
        _engine.Touch(Thread, _image.At(EnclaveImage.DataPage));
    }

    public void Dispose() => _engine.Dispose();

    void IEngineObserver.Ordered(IObservedThread? thread, OrderedEvent what, string by) => _told.Add($"{thread?.Id} {what} {by}");

    private TracedThread Thread => _engine.Thread;

    private ulong Code => _image.At(EnclaveImage.CodePage).Value;

    private PlantedBreakpoints Planted => Thread.Space.Mappings.Find(Code)!.File.Planted;

    // The thread has executed INT3.
    private void Break(ulong address)
    {
        Thread.Registers.Rip = address + 1;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);
    }

    private int Steps => _engine.Platform.Log.Count(line => line == $"step {Thread.Id}");

    [Fact]
    public void A_thread_is_interrupted_before_the_instruction_and_executes_it_then()
    {
        Assert.True(Planted.Contains(Code + 3));
        Assert.False(Planted.Contains(Code + 6)); // CPUID stops by itself
        Break(Code + 3);
        Assert.Equal(Code + 3, Thread.Processor.ExitedAt.Value);
        Assert.True(Thread.Processor.EnclaveMode); // ERESUME at AEP
        Assert.Equal((Code + 3, 0), (Thread.Peek().Rip, Steps));
        Assert.Equal([$"{Thread.Id} Interrupt by a test"], _told);

        // It comes by again, for INT3 stands there still.
        Break(Code + 3);
        Assert.Equal(1, Steps);
        Assert.Single(_told);
        Assert.True(Planted.Contains(Code + 3));
        Assert.True(Thread.Processor.EnclaveMode);

        // The next time it is another execution.
        Break(Code + 3);
        Assert.Equal(2, _told.Count);
    }

    [Fact]
    public void Where_nothing_is_due_it_goes_on()
    {
        _wanted.IsDue = false;
        Break(Code + 3);
        Assert.Equal(1, Steps);
        Assert.Empty(_told);
        Assert.True(Thread.Processor.EnclaveMode);
        Assert.Empty(_engine.Platform.Raised);
    }

    [Fact]
    public void Coverage_hears_of_the_place_as_well()
    {
        var visited = new Visited();
        _engine.Tracer.Places = visited;
        Break(Code + 3);
        Assert.Equal([Code + 3], visited.Told);
    }

    [Fact]
    public void INT3_of_the_enclaves_own_is_its_own()
    {
        Break(Code + 4);
        Assert.Empty(_told);
        Assert.False(Thread.Processor.EnclaveMode);
    }

    private sealed class Wanted : IInterruptPlaces
    {
        public List<ulong> All { get; } = [];

        public bool IsDue { get; set; } = true;

        public IEnumerable<ulong> PlacesIn(IOpenEnclave enclave, int process, ulong page, ReadOnlyMemory<byte> code) => All;

        public string? DueAt(IOpenEnclave enclave, ulong address) => IsDue ? "by a test" : null;
    }

    private sealed class Visited : ICodePlaces
    {
        public List<ulong> Told { get; } = [];

        public IEnumerable<ulong> PlacesIn(IOpenEnclave enclave, int process, ulong page, ReadOnlyMemory<byte> code) => [];

        public void Reached(IObservedThread thread, IOpenEnclave enclave, ulong address) => Told.Add(address);
    }
}
