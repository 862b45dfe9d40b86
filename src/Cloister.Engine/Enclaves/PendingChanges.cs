using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>What model and driver have changed and the programs' memory does not show yet.</summary>
internal sealed class PendingChanges(SgxMachine machine, EpcmWatcher watcher, DeviceFiles files, Processes processes,
    Interruptions interruptions, Guard guard)
{
    /// <summary>Brings the real mappings of all address spaces to what the model says, before anything runs on.</summary>
    /// <param name="thread">Who is about to; null where that is nobody in particular.</param>
    public void Settle(TracedThread? thread)
    {
        watcher.Apply(machine);
        files.FlushPunches();
        foreach (AddressSpace space in files.Spaces)
        {
            space.Native.Flush();
        }

        foreach (AddressSpace space in files.Spaces)
        {
            if (!space.Native.NeedsRemoteCall)
            {
                continue;
            }

            if (thread is not null && space == thread.Space)
            {
                NativeExecution.Revoke(space, thread);
            }
            else
            {
                SettleElsewhere(space);
            }
        }
    }

    // In a thread of another address space, best one that is stopped already. One whose stop is not answered yet has
    // no place for calls; where there are only such nobody runs, and each settles when it is resumed.
    private void SettleElsewhere(AddressSpace space)
    {
        foreach (TracedThread agent in processes.Threads.Where(t => t.Space == space && !t.AwaitsVfork).OrderByDescending(t => t.Stopped)
            .ToArray())
        {
            // That the other program ends meanwhile is no reason to let this thread wait.
            bool done = false;
            guard.Run(() =>
            {
                using IDisposable? held = agent.Stopped ? null : interruptions.Hold(agent);
                if (agent.Stopped && !agent.HasParkedStop)
                {
                    NativeExecution.Revoke(space, agent);
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
