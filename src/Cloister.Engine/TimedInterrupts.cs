using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Options;
using Cloister.Engine.Programs;

namespace Cloister.Engine;

/// <summary>Interrupts by time: all threads that are inside take an asynchronous exit, so many times a second.</summary>
/// <param name="plan">How often.</param>
/// <param name="processes">The program's threads.</param>
/// <param name="kicker">Drives them out.</param>
/// <param name="ask">Has something done by the tracer's thread, between two events; cancelled when the run has ended, or too many
/// ask.</param>
internal sealed class TimedInterrupts(InterruptPlan plan, Processes processes, IThreadKicker kicker, Func<Func<int>, Task<int>> ask)
{
    /// <summary>Begins, where they were asked for; they end with the run.</summary>
    /// <param name="isOver">Whether that has ended.</param>
    public async Task Begin(Func<bool> isOver)
    {
        if (plan.InSecond == 0)
        {
            return;
        }

        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / plan.InSecond));
        while (!isOver())
        {
            // What came while the tracer was busy comes as one.
            _ = await timer.WaitForNextTickAsync().ConfigureAwait(false);
            try
            {
                _ = await ask(Interrupt).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The run has ended, or one of those that ask comes soon.
            }
        }
    }

    private int Interrupt()
    {
        EpcPage[] entered = [.. processes.Threads.Where(thread => thread.Processor.EnclaveMode).Select(IsIn).Distinct()];
        foreach (EpcPage secs in entered)
        {
            kicker.ForceExits(secs);
        }

        return entered.Length;
    }

    private static EpcPage IsIn(TracedThread thread) => thread.Processor.Secs;
}
