using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Options;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests;

/// <summary>Interrupts by time come to threads inside, and end with the run: <see cref="TimedInterrupts"/>.</summary>
[Collection(ScenarioCollection.Name)]
public class TimedInterruptsTests
{
    [Fact]
    public async Task Threads_inside_take_exits_until_the_run_ends()
    {
        using var engine = new TestEngine(interrupts: new InterruptPlan { InSecond = InterruptPlan.MostInSecond });
        var image = new EnclaveImage();
        engine.Build(image);
        engine.Enter(engine.Thread, image.Tcs);
        Task interrupts = Of(engine).Begin(() => engine.Tracer.Questions.AreOver);
        Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => engine.Tracer.Questions.Any, milliseconds), 30));
        Assert.True(engine.Thread.Processor.EnclaveMode);
        engine.Tracer.Questions.Answer();
        Assert.False(engine.Thread.Processor.EnclaveMode);
        Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => engine.Tracer.Questions.Any, milliseconds), 30));
        engine.Tracer.Questions.End();
        await interrupts.WaitAsync(TimeSpan.FromSeconds(120));
    }

    [Fact]
    public void None_come_where_none_are_asked_for()
    {
        using var engine = new TestEngine();
        Assert.True(Of(engine).Begin(() => false).IsCompletedSuccessfully);
    }

    private static TimedInterrupts Of(TestEngine engine) => new(
        engine.Tracer.Options.Interrupts, engine.Tracer.Processes, engine.Tracer,
        interrupt => engine.Tracer.Questions.Ask(interrupt, CancellationToken.None));
}
