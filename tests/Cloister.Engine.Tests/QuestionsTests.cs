using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Observers;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests;

/// <summary>
/// <see cref="Questions"/> and <see cref="MachineView"/>, <see cref="ObservedProcess"/>: who asks is answered by the tracer's thread,
/// between two events.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class QuestionsTests : IDisposable
{
    private readonly TestEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public async Task A_question_is_answered_at_the_next_step_by_the_tracers_thread()
    {
        Task<(int Thread, IReadOnlyList<ObservedProcess> Processes)> answer =
            Task.Run(() => _engine.Tracer.Ask(view => (Environment.CurrentManagedThreadId, view.Processes), CancellationToken.None));
        Assert.True(
            Cloister.Tests.Patience.Until(milliseconds => SpinWait.SpinUntil(() => _engine.Tracer.Questions.Any, milliseconds), 30));
        Assert.False(answer.IsCompleted);
        int thread = Environment.CurrentManagedThreadId;
        _engine.Tracer.Loop.Step();

        (int by, IReadOnlyList<ObservedProcess> processes) = await answer;
        Assert.Equal(thread, by);
        Assert.Equal([_engine.Thread.Process.Id], processes.Select(process => process.Id));
        Assert.Equal([_engine.Thread.Id], processes[0].Threads.Select(one => one.Id));
        Assert.Contains("wake", _engine.Platform.Log);
        Assert.False(_engine.Tracer.Questions.Any);
    }

    [Fact]
    public async Task What_is_mapped_and_which_pages_are_there_is_seen()
    {
        var image = new EnclaveImage();
        _engine.Build(image);
        Task<(IReadOnlyList<ObservedMapping> Mappings, EnclavePages[] Pages, EpcPage Absent)> answer = _engine.Tracer.Ask(view =>
        {
            IOpenEnclave enclave = Assert.Single(view.Driver.Enclaves);
            return (view.Processes[0].Mappings, view.Driver.PagesOf(enclave, image.At(0), image.At(1023)).ToArray(),
                view.Driver.EpcPageAt(enclave, image.At(5)));
        }, CancellationToken.None);
        _engine.Tracer.Loop.Step();

        (IReadOnlyList<ObservedMapping> mappings, EnclavePages[] pages, EpcPage absent) = await answer;
        Assert.True(absent.IsNone);
        Assert.Equal([(0, 3, 3), (3, 4, 5), (4, 1024, 3)],
            mappings.Select(one => ((int)((one.Start - image.Base) >> 12), (int)((one.End - image.Base) >> 12), one.Protection)));
        Assert.All(mappings, one => Assert.Same(_engine.Tracer.Driver.Enclaves[0], one.Enclave));
        Assert.Equal(
            [
                (0, 1, PageType.Tcs, SecinfoFlags.None),
                (1, 2, PageType.Reg, SecinfoFlags.R | SecinfoFlags.W),
                (3, 1, PageType.Reg, SecinfoFlags.R | SecinfoFlags.X),
                (4, 1, PageType.Reg, SecinfoFlags.R | SecinfoFlags.W),
                (8, 4, PageType.Reg, SecinfoFlags.R | SecinfoFlags.W),
            ],
            pages.Select(row => ((int)((row.Start.Value - image.Base) >> 12), row.Count, row.Type, row.Secinfo)));
        Assert.All(pages, row => Assert.True(row.IsResident && !row.IsBlocked));
    }

    [Fact]
    public async Task What_goes_wrong_is_told_to_who_asked_and_the_program_runs_on()
    {
        var questions = new Questions();
        Task<int> wrong = questions.Ask<int>(() => throw new InvalidOperationException("wrong"), CancellationToken.None),
            right = questions.Ask(() => 1, CancellationToken.None);
        questions.Answer();

        Assert.Equal("wrong", (await Assert.ThrowsAsync<InvalidOperationException>(() => wrong)).Message);
        Assert.Equal(1, await right);
    }

    [Fact]
    public async Task What_was_taken_back_is_not_asked()
    {
        var questions = new Questions();
        using var source = new CancellationTokenSource();
        bool asked = false;
        Task<bool> answer = questions.Ask(() => asked = true, source.Token);
        await source.CancelAsync();
        questions.Answer();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        Assert.False(asked);
    }

    [Fact]
    public async Task Who_asks_at_the_end_gets_no_answer()
    {
        var questions = new Questions();
        Task<int> before = questions.Ask(() => 1, CancellationToken.None);
        questions.End();
        Task<int> after = questions.Ask(() => 1, CancellationToken.None);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => before);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => after);
        Assert.True(questions.AreOver);
    }

    [Fact]
    public void Of_those_that_wait_there_is_a_limit()
    {
        var questions = new Questions();
        Task<int>[] all = [.. Enumerable.Range(0, 1000).Select(_ => questions.Ask(() => 1, CancellationToken.None))];
        questions.Answer();

        Assert.InRange(all.Count(one => one.IsCompletedSuccessfully), 1, 100);
        Assert.All(all, one => Assert.True(one.IsCompleted));
    }
}
