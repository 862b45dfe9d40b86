using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Enclaves;

/// <summary><see cref="PendingChanges"/>: all memories are what the model says before anybody runs on.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class PendingChangesTests : IDisposable
{
    private const int OtherId = 1 << 23;
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();
    private readonly TracedThread _other;
    private readonly ulong _page;

    public PendingChangesTests()
    {
        // Another process that has the enclave mapped, and a page of it changed.
        _engine.Build(_image);
        _page = _image.Data.Value;
        TracedProcess process = _engine.Tracer.Processes.New(OtherId);
        EnclaveMapping mapping = _engine.Thread.Space.Mappings.Find(_page)!;
        process.Space.Native.ByProtection = true;
        process.Space.Mappings.Add(mapping);
        process.Space.Table = MappedFile.Create("area", Area.Length);
        mapping.File.NoteMapped(process.Space);
        _engine.Tracer.Files.Note(process.Space);
        _other = _engine.Add(OtherId, process);
        _engine.Held(_other).OnCall = _ => 0;
        process.Space.Native.NoteUnprotected(_page);
    }

    public void Dispose() => _engine.Dispose();

    private void Settle() => _engine.Tracer.Changes.Settle(_engine.Thread);

    private IEnumerable<RemoteCall> Made(TracedThread thread) =>
        _engine.Held(thread).Calls.Where(call => call.Number == SystemCall.Mprotect && call.Arguments[0] == _page);

    [Fact]
    public void A_thread_of_another_memory_that_stands_makes_its_calls()
    {
        Settle();

        Assert.Single(Made(_other));
        Assert.False(_other.Space.Native.NeedsRemoteCall);
        Settle();
        Assert.Single(Made(_other));
    }

    [Fact]
    public void One_that_runs_is_halted_for_it_and_runs_on()
    {
        _engine.Held(_other).Stopped = false;
        Settle();

        Assert.Single(Made(_other));
        Assert.Equal([$"halt {OtherId}", $"run {OtherId}"],
            _engine.Platform.Log.Where(done => done.EndsWith($" {OtherId}", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_whose_stop_is_not_answered_or_that_waits_for_its_child_does_so_later(bool waits)
    {
        (_engine.Held(_other).HasParkedStop, _engine.Held(_other).AwaitsVfork) = (!waits, waits);
        Settle();

        Assert.Empty(Made(_other));
        Assert.True(_other.Space.Native.NeedsRemoteCall);
    }

    [Fact]
    public void That_one_ends_meanwhile_is_another_ones_turn()
    {
        TracedThread third = _engine.Add(OtherId + 1, _other.Process);
        _engine.Held(third).OnCall = _ => 0;
        _engine.Held(_other).DiesAtCall = true;
        _engine.Held(third).Stopped = false;
        _other.Space.Native.NoteUnprotected(_page + 4096);
        Settle();

        Assert.Empty(Made(_other));
        Assert.Contains($"halt {OtherId + 1}", _engine.Platform.Log);
    }
}
