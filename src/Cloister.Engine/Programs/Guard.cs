using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>Lets something be done to threads that may be killed meanwhile, or with memory that the host may not have.</summary>
internal sealed class Guard(Processes processes, IPlatform platform, IProgramObserver observer, Action<string> notice)
{
    /// <summary>Does something to a thread that may be killed meanwhile; its end is then told later.</summary>
    /// <param name="action">What to do.</param>
    /// <param name="cause">Whose process ends when the host has no memory for it, as the kernel ends one then;
    /// without one the largest that has enclaves.</param>
    /// <returns>The thread that ended meanwhile, or 0.</returns>
    public int Run(Action action, TracedThread? cause = null)
    {
        try
        {
            action();
            return 0;
        }
        catch (ThreadEndedException e)
        {
            if (processes.Find(e.Thread) is { } thread)
            {
                // Its stop was answered half way: the tables may still have it inside.
                observer.Gone(thread);
            }

            if (e.Told is { } told)
            {
                platform.Park(told);
            }

            return e.Thread;
        }
        catch (NoMemoryException e) when ((cause ?? processes.LargestDeviceUser()) is { } victim)
        {
            // Linux, mm/oom_kill.c, oom_kill_process: SIGKILL.
            notice($"the host has no memory for an enclave ({e.Message}): its program is killed");
            observer.Abandoned(victim);
            _ = HostKernel.Kill(victim.Process.Id, Signal.SIGKILL);
            return 0;
        }
    }
}
