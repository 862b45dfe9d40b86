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

/// <summary>Places of code that are told of when they are executed first: <see cref="FirstVisits"/>.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class FirstVisitsTests : IDisposable
{
    // MOV RAX, [RDI], MOV [RDI], RAX, and CPUID, which is illegal inside.
    private readonly EnclaveImage _image = new() { Code = [.. TestEngine.Touching, 0x0f, 0xa2] };
    private readonly TestEngine _engine = new();
    private readonly Wanted _wanted = new();

    public FirstVisitsTests()
    {
        _engine.Tracer.Places = _wanted;
        _engine.Build(_image);
        _wanted.All.AddRange([Code, Code + 3, Code + 6, Code + 4096]);
        _engine.Enter(Thread, _image.Tcs);
        _engine.Touch(Thread, _image.At(EnclaveImage.DataPage));
    }

    public void Dispose() => _engine.Dispose();

    private TracedThread Thread => _engine.Thread;

    private ulong Code => _image.At(EnclaveImage.CodePage).Value;

    private PlantedBreakpoints Planted => Thread.Space.Mappings.Find(Code)!.File.Planted;

    // The thread has executed INT3.
    private void Break(TracedThread thread, ulong address)
    {
        thread.Registers.Rip = address + 1;
        _engine.Fault(thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);
    }

    [Fact]
    public void They_are_told_of_once_and_the_enclave_sees_nothing()
    {
        Assert.True(Planted.Contains(Code) && Planted.Contains(Code + 3));
        Assert.False(Planted.Contains(Code + 4096)); // not of the page that was asked for
        Assert.Equal(TestEngine.Touching,
            Thread.Space.Mappings.Find(Code)!.File.Contents(EnclaveImage.CodePage * EnclaveImage.Page)[..6].ToArray());

        Break(Thread, Code + 3);
        Assert.Equal([Code + 3], _wanted.Told);
        Assert.Equal(Code + 3, Thread.Peek().Rip);
        Assert.False(Planted.Contains(Code + 3));
        Assert.True(Thread.Processor.EnclaveMode);
        Assert.Equal(default,
            Thread.Processor.ExitedAt.Value & 0xfff); // where the fault was that brought the page, and no other exit since
        Assert.Equal($"run {Thread.Id}", _engine.Platform.Log[^1]);
    }

    [Fact]
    public void Who_executed_it_as_well_before_it_was_gone_goes_on()
    {
        Break(Thread, Code + 3);
        Break(Thread, Code + 3);
        Assert.Equal([Code + 3], _wanted.Told);
        Assert.Equal(Code + 3, Thread.Peek().Rip);
        Assert.True(Thread.Processor.EnclaveMode);
        Assert.Empty(_engine.Platform.Raised);
    }

    [Fact]
    public void What_stops_by_itself_is_told_of_by_that()
    {
        Assert.False(Planted.Contains(Code + 6));
        Thread.Registers.Rip = Code + 6;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapHardwareBreakpoint, Code + 6);
        Assert.Equal([Code + 6], _wanted.Told);
        Assert.False(Thread.Processor.EnclaveMode); // CPUID's #UD
    }

    [Fact]
    public void INT3_of_the_enclaves_own_is_its_own()
    {
        Break(Thread, Code + 4);
        Assert.Empty(_wanted.Told);
        Assert.False(Thread.Processor.EnclaveMode);
    }

    private sealed class Wanted : ICodePlaces
    {
        public List<ulong> All { get; } = [];

        public List<ulong> Told { get; } = [];

        public IEnumerable<ulong> PlacesIn(IOpenEnclave enclave, int process, ulong page, ReadOnlyMemory<byte> code) => All.Except(Told);

        public void Reached(IObservedThread thread, IOpenEnclave enclave, ulong address) => Told.Add(address);
    }
}
