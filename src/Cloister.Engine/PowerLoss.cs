using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Programs;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>Losses of power, as suspending to memory or disk is one for the EPC: asked for by a signal or planned.</summary>
internal sealed class PowerLoss(SgxMachine machine, ISgxDriver driver, EpcMemory epc, Processes processes, Accepts accepts,
    IThreadKicker kicker, Action finishIoctls, Observation observed)
{
    private string? _requested;

    /// <summary>Whether one was asked for.</summary>
    public bool IsRequested => Volatile.Read(ref _requested) is not null;

    /// <summary>Asks for one when the tracer looks next. May be called by any thread.</summary>
    /// <param name="by">What asks.</param>
    public void Request(string by) => Volatile.Write(ref _requested, by);

    /// <summary>Loses power if that was asked for.</summary>
    public void Check()
    {
        if (Interlocked.Exchange(ref _requested, null) is { } by)
        {
            Lose(by);
        }
    }

    /// <summary>Loses power now.</summary>
    /// <remarks>In the order of Linux (kernel/power/suspend.c): drivers are told, tasks are frozen, which ends their system calls
    /// early and takes them out of enclaves, and then power goes.</remarks>
    /// <param name="by">What asked for it.</param>
    public void Lose(string by)
    {
        observed.Observer.Ordered(null, OrderedEvent.PowerLoss, by);
        accepts.Withdraw();
        driver.Legacy?.PrepareSuspend();
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
        observed.Observer.PowerLost();
    }
}
