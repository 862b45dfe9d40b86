using Cloister.Engine.Observers;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests;

/// <summary>Who is looked at by time: <see cref="TimedSamples"/>.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class TimedSamplesTests : IDisposable
{
    private readonly TestEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Who_stands_already_or_has_no_enclave_is_not_looked_at()
    {
        var seen = new Seen();
        var samples = new TimedSamples(seen, _engine.Tracer.Processes, _engine.Tracer.Interruptions, sample => Task.FromResult(sample()));
        Assert.Equal(0, samples.Sample());
        _engine.Thread.Process.IsDeviceUser = true;
        Assert.True(_engine.Thread.Stopped);
        Assert.Equal(0, samples.Sample());
        Assert.Empty(seen.Threads);
    }

    [Fact]
    public async Task It_ends_with_the_run()
    {
        int times = 0;
        var samples = new TimedSamples(new Seen(), _engine.Tracer.Processes, _engine.Tracer.Interruptions, sample =>
        {
            times++;
            return times == 2 ? Task.FromCanceled<int>(new CancellationToken(true)) : Task.FromResult(sample());
        });
        await samples.Begin(() => times >= 3).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(3, times);
    }

    private sealed class Seen : ISampler
    {
        public int InSecond => 1000;

        public List<int> Threads { get; } = [];

        public void Sampled(IObservedThread thread) => Threads.Add(thread.Id);
    }
}
