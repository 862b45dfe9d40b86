namespace Cloister.Host;

/// <summary>The threads of an enclave that nobody uses: of those with fewest frames in use the one that was given back last.</summary>
internal sealed class FreeThreads
{
    private readonly object _lock = new();
    private readonly List<EnclaveThread> _free = [];
    private readonly Dictionary<EnclaveThread, int> _taken = [];
    private readonly Dictionary<EnclaveThread, string> _retired = [];

    /// <summary>A thread that can be given out.</summary>
    public void Add(EnclaveThread thread)
    {
        lock (_lock)
        {
            _free.Add(thread);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>A thread that was retired can be given out again.</summary>
    public void Readmit(EnclaveThread thread)
    {
        lock (_lock)
        {
            if (_retired.Remove(thread))
            {
                Add(thread);
            }
        }
    }

    /// <summary>A thread is given back; one of which the enclave cannot be expected to take a call is not given out again.</summary>
    public void Return(EnclaveThread thread)
    {
        lock (_lock)
        {
            _ = _taken.Remove(thread);
            if (thread.Abandoned is { } reason)
            {
                _retired[thread] = reason;
            }
            else
            {
                _free.Add(thread);
            }

            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Takes one, or waits for one.</summary>
    public EnclaveThread Take(TimeSpan wait, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using CancellationTokenRegistration wake = cancellation.Register(Wake);
        long deadline = wait == Timeout.InfiniteTimeSpan ? long.MaxValue : Environment.TickCount64 + (long)wait.TotalMilliseconds;
        lock (_lock)
        {
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                if (_free.Count > 0)
                {
                    return TakeBest();
                }

                ThrowIfNoneComes();
                long left = deadline == long.MaxValue ? Timeout.Infinite : deadline - Environment.TickCount64;
                if (left != Timeout.Infinite && left <= 0)
                {
                    throw new EnclaveBusyException(
                        $"all {_taken.Count} threads of the enclave are in use{Waited(wait)}; give it more TCS, or wait longer{Retired()}");
                }

                _ = Monitor.Wait(_lock, (int)left);
            }
        }
    }

    private void Wake()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }

    private EnclaveThread TakeBest()
    {
        int best = _free.Count - 1;
        for (int i = best - 1; i >= 0; i--)
        {
            if (_free[i].FramesInUse < _free[best].FramesInUse)
            {
                best = i;
            }
        }

        EnclaveThread thread = _free[best];
        _free.RemoveAt(best);
        _taken[thread] = Environment.CurrentManagedThreadId;
        return thread;
    }

    private void ThrowIfNoneComes()
    {
        if (_taken.Count == 0)
        {
            throw _retired.Count == 0
                ? new InvalidOperationException("the enclave has no thread (no TCS)")
                : new EnclaveException($"no thread of the enclave can take a call any more{Retired()}");
        }

        if (_taken.Values.All(holder => holder == Environment.CurrentManagedThreadId))
        {
            throw new EnclaveBusyException(
                $"no thread of the enclave is free, and the caller itself holds all {_taken.Count}: a call from within a call needs a TCS of its own{Retired()}");
        }
    }

    private string Retired() => _retired.Count == 0 ? ""
        : $" ({string.Join("; ", _retired.OrderBy(pair => pair.Key.Offset).Select(pair => $"the thread at 0x{pair.Key.Offset:x} is not used any more: {pair.Value}"))})";

    private static string Waited(TimeSpan wait) => wait > TimeSpan.Zero ? $", and none came free in {wait.TotalSeconds:0.###} s" : "";
}
