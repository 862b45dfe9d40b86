using System.Collections.Concurrent;

namespace Cloister.Engine.Tests;

public class DeputiesTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task One_thread_does_the_work_and_another_when_that_one_stays_away()
    {
        using var pieces = new BlockingCollection<Action>();
        using var second = new ManualResetEventSlim();
        bool waited = false;
        pieces.Add(() => waited = second.Wait(s_long)); // it ends when the next piece was done
        pieces.Add(second.Set);
        var deputies = new Deputies(all =>
        {
            if (!pieces.TryTake(out Action? piece, Timeout.Infinite))
            {
                return false;
            }

            all.Begin();
            piece();
            return true;
        });
        deputies.Start();

        Assert.True(second.Wait(s_long));
        pieces.CompleteAdding();
        await deputies.End.WaitAsync(s_long);
        SpinWait.SpinUntil(() => Volatile.Read(ref waited), s_long);
        Assert.True(waited);
    }

    [Fact]
    public async Task Work_comes_in_its_order_as_long_as_none_of_it_is_slow()
    {
        int done = 0;
        var deputies = new Deputies(all =>
        {
            all.Begin();
            return ++done < 100_000;
        });
        deputies.Start();
        await deputies.End.WaitAsync(s_long);
        Assert.True(done >= 100_000);
    }
}
