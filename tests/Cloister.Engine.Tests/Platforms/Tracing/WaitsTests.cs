using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public class WaitsTests
{
    private static readonly WaitStatus s_stop = new(0x137f), s_end = new(9);

    [Fact]
    public void What_was_parked_first_comes_first()
    {
        var waits = new Waits();
        waits.Park(7, s_stop);
        waits.Park(8, s_end);

        Assert.True(waits.TryTake(out ProgramEvent happened));
        Assert.Equal(TracedEvent.Of(7, s_stop), happened);
        Assert.True(waits.TryTake(out happened));
        Assert.Equal(TracedEvent.Of(8, s_end), happened);
        Assert.False(waits.TryTake(out _));
    }

    [Fact]
    public void A_threads_are_taken_in_order_and_others_stay()
    {
        var waits = new Waits();
        waits.Park(8, s_end);
        waits.Park(7, s_stop);
        waits.Park(7, s_end);

        Assert.True(waits.Has(7));
        Assert.True(waits.TryTake(7, out WaitStatus status));
        Assert.Equal(s_stop, status);
        Assert.True(waits.TryTake(7, out status));
        Assert.Equal(s_end, status);
        Assert.False(waits.Has(7));
        Assert.True(waits.Has(8));
    }

    [Fact]
    public void What_comes_behind_an_end_is_not_forgotten_with_it()
    {
        var waits = new Waits();
        waits.Park(7, s_stop);
        waits.Park(7, s_end);
        waits.Park(7, s_stop);

        waits.Forget(7);

        Assert.True(waits.Has(7));
        Assert.False(waits.HasEnded(7));
    }

    [Fact]
    public void A_thread_whose_end_is_parked_has_ended_until_it_is_taken()
    {
        var waits = new Waits();
        waits.Park(8, s_end);
        waits.Park(7, s_stop);
        Assert.False(waits.HasEnded(7));
        waits.Park(7, s_end);
        Assert.True(waits.HasEnded(7));

        _ = waits.TryTake(7, out _);
        Assert.True(waits.HasEnded(7));
        _ = waits.TryTake(7, out _);
        Assert.False(waits.HasEnded(7));
    }

    [Fact]
    public void An_id_that_is_anothers_now_is_forgotten()
    {
        var waits = new Waits();
        waits.Park(7, s_stop);
        waits.Park(8, s_stop);
        waits.Park(7, s_end);

        waits.Forget(7);

        Assert.True(waits.TryTake(out ProgramEvent happened));
        Assert.Equal(8, happened.Thread);
        Assert.False(waits.TryTake(out _));
    }

    [Fact]
    public void What_is_returned_comes_before_what_another_thread_of_its_number_does()
    {
        // Thread 7 ended, thread 8 made another that got its number, and that stopped.
        var waits = new Waits();
        waits.Park(7, s_end);
        waits.Park(8, s_stop);
        waits.Park(7, s_stop);
        Assert.True(waits.TryTake(7, out WaitStatus status));

        waits.Return(TracedEvent.Of(7, status));

        Assert.True(waits.TryTake(out ProgramEvent happened));
        Assert.Equal(TracedEvent.Of(7, s_end), happened);
        Assert.True(waits.TryTake(out happened));
        Assert.Equal(TracedEvent.Of(8, s_stop), happened);
    }

    [Fact]
    public void A_returned_stop_waits_its_turn_but_comes_before_its_threads_end()
    {
        var waits = new Waits();
        waits.Park(8, s_stop);
        waits.Return(TracedEvent.Of(7, s_stop));
        Assert.True(waits.TryTake(out ProgramEvent happened));
        Assert.Equal(8, happened.Thread);
        Assert.True(waits.TryTake(out happened));

        waits.Park(7, s_end);
        waits.Return(happened);

        Assert.True(waits.TryTake(out happened));
        Assert.Equal(TracedEvent.Of(7, s_stop), happened);
    }

    [Fact]
    public void A_returned_stop_does_not_come_before_the_end_that_cut_its_answer_short()
    {
        // Both are killed; the answer to 7's stop met 8's end.
        var waits = new Waits();
        waits.Park(7, s_end);
        waits.Return(TracedEvent.Of(8, s_end));
        waits.Return(TracedEvent.Of(7, s_stop));
        Assert.Equal([(8, false), (7, true), (7, false)], Taken(waits));
    }

    [Fact]
    public void A_parked_stop_is_not_waited_for()
    {
        var waits = new Waits();
        var process = new TracedProcess(7, null!);
        var thread = new PtraceThread(7, process, waits, []);
        waits.Park(7, s_stop);

        Assert.Equal(7, thread.Wait(out WaitStatus status));
        Assert.Equal(s_stop, status);
    }

    private static List<(int Thread, bool Stands)> Taken(Waits waits)
    {
        var taken = new List<(int, bool)>();
        while (waits.TryTake(out ProgramEvent happened))
        {
            taken.Add((happened.Thread, happened.Stands));
        }

        return taken;
    }
}
