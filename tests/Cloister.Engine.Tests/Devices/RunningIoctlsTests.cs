using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Devices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Devices;

/// <summary>
/// <see cref="RunningIoctls"/>, <see cref="RunningIoctl"/> and <see cref="IoctlCaller"/>: calls on the device that take several slices.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class RunningIoctlsTests : IDisposable
{
    private const int Pages = 3 * RunningIoctls.PagesPerSlice;
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();

    public RunningIoctlsTests() => _engine.Create(_image);

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Other_threads_are_served_between_slices()
    {
        TracedThread other = _engine.Add(2, _engine.Thread.Process);
        _engine.Platform.Cause = (_, _) => SignalCause.Sent;
        _engine.BeginAdding(_engine.Thread, EnclaveImage.HeapPage, Pages);
        _engine.Platform.Happens(new ProgramEvent(EventKind.Signal, other.Id) { Signal = Signal.SIGUSR1 });
        _engine.Tracer.Loop.Step();

        Assert.True(_engine.Tracer.Ioctls.Any);
        Assert.Contains($"run 2 with {Signal.SIGUSR1}", _engine.Platform.Log);
        Finish();
        Assert.Equal(Pages, _engine.Tracer.Driver.Statistics.Adds);
    }

    [Fact]
    public void One_whose_thread_dies_ends_with_it_and_gives_its_pages_back()
    {
        int free = _engine.Tracer.Driver.Statistics.EpcPagesFree;
        _engine.BeginAdding(_engine.Thread, EnclaveImage.HeapPage, Pages);
        _engine.Tracer.Loop.Step();
        Assert.True(_engine.Tracer.Driver.Statistics.EpcPagesFree < free);
        HostKernel.Close(_engine.Descriptor);
        _engine.End(_engine.Thread, Signal.SIGKILL);

        Assert.False(_engine.Tracer.Ioctls.Any);
        Assert.True(_engine.Tracer.Driver.Statistics.EpcPagesFree > free);
        Assert.Empty(_engine.Tracer.Files.All);
    }

    [Fact]
    public void A_file_stays_open_for_as_long_as_one_is_on_it()
    {
        _engine.BeginAdding(_engine.Thread, EnclaveImage.HeapPage, Pages);
        HostKernel.Close(_engine.Descriptor);
        _engine.Tracer.Files.CheckLifetimes(null);
        Assert.Single(_engine.Tracer.Files.All);
        Finish();

        Assert.Empty(_engine.Tracer.Files.All);
    }

    [Fact]
    public void Power_that_is_lost_ends_them_early()
    {
        _engine.BeginAdding(_engine.Thread, EnclaveImage.HeapPage, Pages);
        _engine.Tracer.LosePower("a test");
        _engine.Tracer.Loop.Step();

        Assert.False(_engine.Tracer.Ioctls.Any);
        Assert.True(_engine.Tracer.Driver.Statistics.Adds < Pages);
    }

    private void Finish()
    {
        while (_engine.Tracer.Ioctls.Any)
        {
            _engine.Tracer.Loop.Step();
        }
    }
}
