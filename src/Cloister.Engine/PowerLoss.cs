using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>Losses of power, as suspending to memory or disk is one for the EPC: asked for by a signal or planned.</summary>
internal sealed class PowerLoss(SgxMachine machine, SgxDriver driver, EpcMemory epc, Processes processes, Accepts accepts,
    IThreadKicker kicker, IPlatform platform, Action finishIoctls)
{
    private int _requested;

    /// <summary>Whether one was asked for.</summary>
    public bool IsRequested => Volatile.Read(ref _requested) != 0;

    /// <summary>Asks for one at the tracer's next stop. May be called by any thread.</summary>
    /// <param name="process">A process of the program, to make it stop, or 0.</param>
    public void Request(int process)
    {
        Volatile.Write(ref _requested, 1);
        if (process != 0)
        {
            platform.Wake(process);
        }
    }

    /// <summary>Loses power if that was asked for.</summary>
    public void Check()
    {
        if (Interlocked.Exchange(ref _requested, 0) != 0)
        {
            Lose();
        }
    }

    /// <summary>Loses power now.</summary>
    /// <remarks>In the order of Linux (kernel/power/suspend.c): drivers are told, tasks are frozen, which ends their system calls
    /// early and takes them out of enclaves, and then power goes.</remarks>
    public void Lose()
    {
        accepts.Withdraw();
        driver.PrepareSuspend();
        finishIoctls();
        foreach (TracedThread thread in processes.Threads.ToArray())
        {
            if (thread.Processor.EnclaveMode)
            {
                kicker.ForceExits(thread.Processor.Secs);
            }
        }

        machine.LosePower();
        epc.LosePower();
    }
}
