using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Tests.Programs;

public class AnswerTests
{
    [Fact]
    public void What_passes_runs_on_without_a_signal()
    {
        foreach (Answer answer in new[] { Answer.RunOn, Answer.Pass })
        {
            Assert.True(answer.RunsOn);
            Assert.False(answer.IsMade || answer.Raises);
            Assert.Equal(0, answer.Signal);
            Assert.Null(answer.Then);
        }
    }

    [Fact]
    public void What_is_made_has_a_result_and_is_not_the_kernels()
    {
        var answer = Answer.Made(-22);
        Assert.True(answer.IsMade);
        Assert.False(answer.RunsOn || answer.Raises);
        Assert.Equal(-22, answer.Result);
    }

    [Fact]
    public void What_is_delivered_runs_on_with_its_signal()
    {
        var answer = Answer.Deliver(11);
        Assert.True(answer.RunsOn);
        Assert.Equal(11, answer.Signal);
    }

    [Fact]
    public void An_exception_keeps_its_numbers()
    {
        var signal = new ProgramSignal(11, new Linux.SignalInformation { Signal = 11, Code = 2, Address = 0x1000 }, 14, 0x8007, 0x1000);
        var answer = Answer.Raise(signal);
        Assert.True(answer.Raises);
        Assert.False(answer.RunsOn || answer.IsMade);
        Assert.Equal(signal, answer.Exception);
    }

    [Fact]
    public void Who_stands_neither_runs_on_nor_has_a_result() =>
        Assert.False(Answer.Stand.RunsOn || Answer.Stand.IsMade || Answer.Stand.Raises);

    [Fact]
    public void What_follows_a_call_is_kept_for_its_end()
    {
        int calls = 0;
        var answer = Answer.PassThen(_ => calls++);
        Assert.True(answer.RunsOn);
        Assert.Equal(0, calls);
        answer.Then!(null!);
        Assert.Equal(1, calls);
    }
}
