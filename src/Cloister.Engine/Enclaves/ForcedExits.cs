using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Enclaves;

/// <summary>Drives threads out of an enclave: ETRACK waits for the exits of those that were inside.</summary>
internal sealed class ForcedExits(
    FastSpaces spaces, Processes processes, Interruptions interruptions, IPlatform platform, Gates gates, AsynchronousExits exits,
    Exceptions exceptions) : IThreadKicker
{
    /// <inheritdoc/>
    public void ForceExits(EpcPage secs)
    {
        TracedThread[] inside = [.. processes.Threads.Where(thread => IsInside(thread, secs))];
        interruptions.InterruptAll(inside);
        foreach (TracedThread thread in inside)
        {
            if (IsInside(thread, secs))
            {
                ForceExit(thread);
            }
        }
    }

    private static bool IsInside(TracedThread thread, EpcPage secs) => thread.Processor.EnclaveMode && thread.Processor.Secs == secs;

    private void ForceExit(TracedThread thread)
    {
        if (thread.Stopped && !thread.HasParkedStop)
        {
            exits.ForInterrupt(thread);
            spaces.Publish(thread);
            return;
        }

        if (!interruptions.Stop(thread, out ProgramEvent happened))
        {
            return;
        }

        if (spaces.Of(thread) is { } path)
        {
            spaces.FollowExit(thread, path);
        }

        if (!thread.Processor.EnclaveMode)
        {
            // It has just left by itself; what stopped it is answered as anywhere else.
            platform.PutBack(thread.Held, happened);
            return;
        }

        // The exit is an interrupt's: an exception whose stop waits to be answered has not happened yet, as far as the enclave is told.
        bool canRunOn = exceptions.Interrupted(thread, happened);
        spaces.Publish(thread);
        gates.Answer(thread, happened, canRunOn);
    }
}
