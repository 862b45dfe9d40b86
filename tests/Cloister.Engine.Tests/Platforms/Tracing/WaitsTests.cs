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
    public void A_parked_stop_is_not_waited_for()
    {
        var waits = new Waits();
        var process = new TracedProcess(7, null!);
        var thread = new PtraceThread(7, process, waits, []);
        waits.Park(7, s_stop);

        Assert.Equal(7, thread.Wait(out WaitStatus status));
        Assert.Equal(s_stop, status);
    }
}
