using Cloister.Engine.Observers;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Has threads looked at by time: those of programs with enclaves that run or could, and not those that wait.</summary>
/// <remarks>A thread is held for it, and takes no asynchronous exit.</remarks>
/// <param name="sampler">Who looks.</param>
/// <param name="processes">The program's threads.</param>
/// <param name="interruptions">Holds them.</param>
/// <param name="ask">Has something done by the tracer's thread, between two events; cancelled when the run has ended, or too many
/// ask.</param>
internal sealed class TimedSamples(ISampler sampler, Processes processes, Interruptions interruptions, Func<Func<int>, Task<int>> ask)
{
    /// <summary>Begins; they end with the run.</summary>
    /// <param name="isOver">Whether that has ended.</param>
    public async Task Begin(Func<bool> isOver)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / sampler.InSecond));
        while (!isOver())
        {
            // What came while the tracer was busy comes as one.
            _ = await timer.WaitForNextTickAsync().ConfigureAwait(false);
            try
            {
                _ = await ask(Sample).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The run has ended, or one of those that ask comes soon.
            }
        }
    }

    /// <summary>Looks once.</summary>
    /// <returns>At how many.</returns>
    public int Sample()
    {
        int seen = 0;
        foreach (TracedThread thread in processes.Threads.ToArray())
        {
            if (!thread.Process.IsDeviceUser || thread.Stopped || thread.AwaitsVfork
                || HostKernel.StatusField(thread.Id, "State:") is not ['R', ..])
            {
                continue;
            }

            using (interruptions.Hold(thread))
            {
                if (thread.Stopped)
                {
                    sampler.Sampled(thread);
                    seen++;
                }
            }
        }

        return seen;
    }
}
