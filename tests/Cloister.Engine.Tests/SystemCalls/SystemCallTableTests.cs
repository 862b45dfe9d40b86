using Cloister.Engine.Platforms;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;

namespace Cloister.Engine.Tests.SystemCalls;

[Collection(Enclaves.ScenarioCollection.Name)]
public class SystemCallTableTests
{
    [Fact]
    public void A_call_has_one_row_and_the_row_its_name()
    {
        Assert.Equal(SystemCallTable.Rows.Count, SystemCallTable.Rows.Select(row => row.Number).Distinct().Count());
        Assert.All(SystemCallTable.Rows, row => Assert.Same(row, SystemCallTable.Find(row.Number)));
        Assert.All(SystemCallTable.Rows, row => Assert.Equal(
            row.Number, typeof(SystemCall).GetField(
                string.Concat(row.Name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..])))?.GetRawConstantValue()));
        Assert.Null(SystemCallTable.Find(SystemCall.Getpid));
    }

    [Fact]
    public void Each_row_stops_by_a_filter_and_says_what_is_done() => Assert.All(SystemCallTable.Rows, row =>
    {
        Assert.NotEmpty(row.Stops);
        Assert.EndsWith(".", row.Sentence);
        Assert.Equal(row.Stops.Length, row.Stops.Select(stop => stop.Set).Distinct().Count());
        Assert.All(row.Stops, stop => Assert.NotEmpty(stop.Test.Text));
    });

    [Fact]
    public void A_rows_handler_answers_its_call()
    {
        using var engine = new Harness.TestEngine();
        SystemCallRow row = SystemCallTable.Find(SystemCall.SchedSetaffinity)!;
        (engine.Thread.Registers.OrigRax, engine.Thread.Registers.Rdi) = (SystemCall.SchedSetaffinity, 4711);

        Assert.Equal(Engine.Programs.Answer.Pass, row.Handler(engine.Tracer.SystemCalls, engine.Thread));
        Assert.Equal(["affinity of 4711"], engine.Platform.Log);
        engine.Thread.Registers.OrigRax = SystemCall.Getpid;
        _ = engine.Tracer.SystemCalls.Handle(engine.Thread);
        Assert.Single(engine.Platform.Log);
    }

    [Theory]
    [InlineData((int)FilterSet.Base)]
    [InlineData((int)FilterSet.DeviceUser)]
    [InlineData((int)FilterSet.SignalMasks)]
    [InlineData((int)FilterSet.Untraced)]
    public void Each_set_makes_a_filter_that_the_kernel_may_have(int set)
    {
        const int mostInstructions = 4096, instructionLength = 8; // BPF_MAXINSNS
        Assert.InRange(SystemCallTable.FilterOf((FilterSet)set).Length, instructionLength, mostInstructions * instructionLength);
    }
}
