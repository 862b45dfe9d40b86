using Cloister.Engine.Memory;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Enclaves;

/// <summary>What model and driver have changed and the programs' memory does not show yet.</summary>
internal sealed class PendingChanges(Tracer tracer)
{
    /// <summary>Hears of the changes.</summary>
    public EpcmWatcher Watcher { get; } = new(tracer.Epc);

    /// <summary>Brings the real mappings of all address spaces to what the model says, before anything runs on.</summary>
    public void Settle(TracedThread thread)
    {
        Watcher.Apply(tracer.Machine);
        tracer.Files.FlushPunches();
        foreach (AddressSpace space in tracer.Files.Spaces)
        {
            space.Native.Flush();
        }

        foreach (AddressSpace space in tracer.Files.Spaces)
        {
            if (!space.Native.NeedsRemoteCall)
            {
                continue;
            }

            if (space == thread.Space)
            {
                NativeExecution.Revoke(thread);
            }
            else
            {
                SettleElsewhere(space);
            }
        }
    }

    // In a thread of another address space, best one that is stopped already. One whose stop is not answered yet has no place for calls; where
    // there are only such nobody runs, and each settles when it is resumed.
    private void SettleElsewhere(AddressSpace space)
    {
        foreach (TracedThread agent in tracer.Processes.Threads.Where(t => t.Space == space && !t.AwaitsVfork).OrderByDescending(t => t.Stopped).ToArray())
        {
            // That the other program ends meanwhile is no reason to let this thread wait.
            bool done = false;
            tracer.Guard(() =>
            {
                using IDisposable? held = agent.Stopped ? null : tracer.Interruptions.Hold(agent);
                if (agent.Stopped && !agent.HasParkedStop)
                {
                    NativeExecution.Revoke(agent);
                    done = true;
                }
            });
            if (done)
            {
                return;
            }
        }
    }
}
