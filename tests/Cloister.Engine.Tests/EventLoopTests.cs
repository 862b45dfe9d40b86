using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests;

/// <summary>
/// <see cref="EventLoop"/>, <see cref="Lifecycle"/> and <see cref="StopCounts"/>: what happens is answered once, in order, and ends leave
/// nothing.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class EventLoopTests : IDisposable
{
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();

    public void Dispose() => _engine.Dispose();

    private Tracer Tracer => _engine.Tracer;

    private TracedThread Thread => _engine.Thread;

    [Fact]
    public void What_was_put_back_comes_before_what_is_new()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        _engine.Platform.Happens(new ProgramEvent(EventKind.Halted, Thread.Id));
        _engine.Platform.Park(new ProgramEvent(EventKind.Halted, other.Id));
        Tracer.Loop.Step();
        Assert.Equal("run 2", _engine.Platform.Log[^1]);
        Tracer.Loop.Step();

        Assert.Equal($"run {Thread.Id}", _engine.Platform.Log[^1]);
    }

    [Fact]
    public void An_answer_that_met_anothers_end_half_way_is_tried_again()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        int attempts = 0;
        _engine.Platform.Cause = (_, _) => attempts++ == 0 ? throw new ThreadEndedException(other.Id) : SignalCause.Sent;
        _engine.Platform.Happens(new ProgramEvent(EventKind.Signal, Thread.Id) { Signal = Signal.SIGUSR1 });
        Tracer.Loop.Step();
        Assert.True(Thread.HasParkedStop);
        Assert.DoesNotContain(_engine.Platform.Log, done => done.StartsWith("run", StringComparison.Ordinal));
        Tracer.Loop.Step();

        Assert.Equal($"run {Thread.Id} with {Signal.SIGUSR1}", _engine.Platform.Log[^1]);
        Assert.Equal(2, attempts);
    }

    [Fact]
    public void One_that_met_its_own_end_is_not()
    {
        _engine.Platform.Cause = (_, _) => throw new ThreadEndedException(Thread.Id);
        _engine.Platform.Happens(new ProgramEvent(EventKind.Signal, Thread.Id) { Signal = Signal.SIGUSR1 });
        Tracer.Loop.Step();

        Assert.False(_engine.Platform.AnyWaiting);
        Assert.Same(Thread, Tracer.Processes.Find(Thread.Id));
    }

    [Fact]
    public void What_is_due_at_a_calls_end_is_done_once()
    {
        int done = 0;
        _engine.Platform.AtCallEnd(Thread.Held, () => done++);
        _engine.Happens(Thread, EventKind.SystemCallDone);
        _engine.Happens(Thread, EventKind.SystemCallDone);

        Assert.Equal(1, done);
    }

    [Fact]
    public void Where_a_thread_has_something_to_tell_first_nothing_is_answered()
    {
        _engine.Platform.GoesOnAt = happened => happened.Kind == EventKind.ProcessStopped;
        _engine.Platform.Happens(new ProgramEvent(EventKind.ProcessStopped, Thread.Id) { Signal = Signal.SIGSTOP });
        int before = _engine.Platform.Log.Count;
        Tracer.Loop.Step();

        Assert.Equal(before, _engine.Platform.Log.Count);
    }

    [Fact]
    public void A_process_that_is_stopped_stays_so()
    {
        _engine.Platform.Happens(new ProgramEvent(EventKind.ProcessStopped, Thread.Id) { Signal = Signal.SIGSTOP });
        Tracer.Loop.Step();

        Assert.DoesNotContain($"run {Thread.Id}", _engine.Platform.Log);
        Assert.True(Thread.Stopped);
    }

    [Fact]
    public void Ioctls_under_way_come_to_their_end_when_they_must()
    {
        _engine.Create(_image);
        _engine.BeginAdding(Thread, EnclaveImage.HeapPage, 3 * Engine.Devices.RunningIoctls.PagesPerSlice);
        Assert.True(Tracer.Ioctls.Any);
        Tracer.Loop.FinishIoctls();

        Assert.False(Tracer.Ioctls.Any);
        Assert.Contains(_engine.Platform.Log, done => done.StartsWith("made ", StringComparison.Ordinal));
    }

    [Fact]
    public void Stops_are_counted_by_what_they_were()
    {
        _engine.Platform.Cause = (_, _) => SignalCause.Sent;
        _ = _engine.Call(Thread, SystemCall.SchedGetaffinity, 0, 8, 0);
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(Thread, EventKind.Halted);

        Assert.Equal((1, 2, 3), (Tracer.Stops.SystemCalls, Tracer.Stops.Signals, Tracer.Stops.Others));
    }

    [Fact]
    public void One_that_is_gone_has_left_its_enclave_and_one_that_ended_its_ioctls()
    {
        var lifecycle = new Lifecycle(Tracer);
        _engine.Build(_image);
        _engine.Enter(Thread, _image.Tcs);
        lifecycle.Gone(Thread);
        Assert.False(Thread.Processor.EnclaveMode);

        _engine.Held(Thread).Stopped = true;
        _engine.BeginAdding(Thread, EnclaveImage.HeapPage + 100, 3 * Engine.Devices.RunningIoctls.PagesPerSlice);
        Assert.True(Tracer.Ioctls.Has(Thread));
        lifecycle.Ended(Thread);
        Assert.False(Tracer.Ioctls.Has(Thread));
    }

    [Fact]
    public void A_memory_that_is_left_is_nobodys()
    {
        _engine.Build(_image);
        EnclaveFile file = Thread.Space.Mappings.Find(_image.At(0).Value)!.File;
        Assert.Contains(Thread.Space, Tracer.Files.Spaces);
        new Lifecycle(Tracer).Left(Thread.Space);

        Assert.DoesNotContain(Thread.Space, Tracer.Files.Spaces);
        Assert.DoesNotContain(Thread.Space, file.Views);
    }

    [Fact]
    public void A_copied_memory_has_its_parents_mappings_and_is_its_own()
    {
        _engine.Build(_image);
        AddressSpace copy = new Lifecycle(Tracer).Copy(Thread.Space, 1 << 23);

        Assert.NotSame(Thread.Space, copy);
        Assert.Equal(Thread.Space.Mappings.All, copy.Mappings.All);
        copy.Mappings.Remove(0, ulong.MaxValue);
        Assert.NotEmpty(Thread.Space.Mappings.All);
    }
}
