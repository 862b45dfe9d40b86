using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Keeps a thread that stops all the time on the tracer's core: a stop within one core costs a quarter of
/// one between two.</summary>
/// <remarks>
/// Waking another core takes an interprocessor interrupt, which is dear in virtual machines. A thread goes back to
/// all its cores when it has been quiet for a moment, and before anybody asks for its affinity. Other threads may be
/// busy on that core, such as those that spin for a lock whose holder stops: the tracer takes it from them when it is woken, and who looks
/// for quiet threads works on another.
/// </remarks>
internal sealed class CoreSharing : IDisposable
{
    private const int WindowMilliseconds = 20, ManyStops = 64, FewStops = 16;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, (ulong[] Mask, StopRate Rate)> _pinned = [];
    private readonly Dictionary<int, StopRate> _rates = []; // the tracer's thread's only
    private readonly AutoResetEvent _someArePinned = new(initialState: false);
    private Thread? _looker;
    private volatile bool _disposed;
    private readonly ulong[] _allCores = HostKernel.GetAffinity(0);
    private ulong[]? _tracerCore;
    private bool _hasBegun;

    /// <summary>Counts a stop of a thread and pins the thread when there are many.</summary>
    public void NoteStop(int thread)
    {
        StopRate rate = RateOf(thread);
        rate.Stops++;
        long now = Environment.TickCount64;
        if (rate.IsPinned || now - rate.WindowStart <= WindowMilliseconds)
        {
            if (!rate.IsPinned && rate.Stops >= ManyStops)
            {
                Pin(thread, rate);
            }

            return;
        }

        (rate.WindowStart, rate.Stops) = (now, 0);
    }

    /// <summary>A program begins: its loader alone stops some fifty times, by CPUID and mmap. Pinned until the next look.</summary>
    /// <remarks>Not so the very first, which would wait for the thread that looks to be made.</remarks>
    public void NoteExec(int thread)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            return;
        }

        StopRate rate = RateOf(thread);
        if (!rate.IsPinned)
        {
            Pin(thread, rate);
        }

        rate.Stops = -ManyStops;
    }

    /// <summary>For threads that the tracer starts: they run where it could run before it chose its core.</summary>
    public void UseAllCores() => _ = HostKernel.SetAffinity(0, _allCores);

    /// <summary>Gives a thread its own affinity back.</summary>
    public void Release(int thread)
    {
        lock (_lock)
        {
            if (_pinned.Remove(thread, out (ulong[] Mask, StopRate Rate) pinned))
            {
                pinned.Rate.IsPinned = false;
                _ = HostKernel.SetAffinity(thread, pinned.Mask);
            }
        }
    }

    /// <summary>A child begins with the affinity its parent really has.</summary>
    public void Inherit(int parent, int child)
    {
        lock (_lock)
        {
            if (_pinned.TryGetValue(parent, out (ulong[] Mask, StopRate Rate) pinned))
            {
                _ = HostKernel.SetAffinity(child, pinned.Mask);
            }
        }
    }

    /// <summary>A thread has ended.</summary>
    public void Forget(int thread)
    {
        Release(thread);
        _ = _rates.Remove(thread);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _ = _someArePinned.Set();
    }

    private void Pin(int thread, StopRate rate)
    {
        // Made while the tracer is on all cores: it would be made for the tracer's core only.
        _looker ??= StartLooking();
        ulong[] mask = HostKernel.GetAffinity(thread);
        ulong[] core = _tracerCore ??= PinTracer();
        if (mask.Zip(core, (m, c) => m & c).All(bits => bits == 0))
        {
            // The program keeps this thread off the tracer's core.
            return;
        }

        // Not worth a wait: who looks may have been taken off its core in the middle of it.
        if (!_lock.TryEnter())
        {
            return;
        }

        try
        {
            if (HostKernel.SetAffinity(thread, core) == Errno.None)
            {
                rate.IsPinned = true;
                _pinned[thread] = (mask, rate);
                if (_pinned.Count == 1)
                {
                    _ = _someArePinned.Set();
                }
            }
        }
        finally
        {
            _lock.Exit();
        }
    }

    private Thread StartLooking()
    {
        var looker = new Thread(LookForQuiet, maxStackSize: 256 * 1024) { IsBackground = true, Name = "cores" };
        looker.Start();
        return looker;
    }

    private void LookForQuiet()
    {
        while (!_disposed)
        {
            _ = _someArePinned.WaitOne();
            do
            {
                Thread.Sleep(WindowMilliseconds);
            }
            while (!_disposed && !ReleaseQuiet());
        }
    }

    // Called on the tracer's thread, which stays where it is from now on.
    private static ulong[] PinTracer()
    {
        int core = Thread.GetCurrentProcessorId();
        ulong[] mask = new ulong[16];
        mask[(core / 64) % mask.Length] = 1UL << (core % 64);
        _ = HostKernel.SetAffinity(0, mask);
        _ = TimeSlice.Set(TimeSlice.Shortest);
        return mask;
    }

    // True when no thread is pinned any more.
    private bool ReleaseQuiet()
    {
        lock (_lock)
        {
            foreach ((int id, (ulong[] mask, StopRate rate)) in _pinned.ToArray())
            {
                if (Interlocked.Exchange(ref rate.Stops, 0) < FewStops)
                {
                    rate.IsPinned = false;
                    _ = _pinned.Remove(id);
                    _ = HostKernel.SetAffinity(id, mask);
                }
            }

            return _pinned.Count == 0;
        }
    }

    private StopRate RateOf(int thread)
    {
        if (!_rates.TryGetValue(thread, out StopRate? rate))
        {
            _rates.Add(thread, rate = new StopRate());
        }

        return rate;
    }

    private sealed class StopRate
    {
        // Since the window began, or since the last look when pinned. Exchanged atomically.
        public int Stops;

        // When the counting began, in milliseconds of the system's tick count.
        public long WindowStart;

        // On the tracer's core for now.
        public bool IsPinned;
    }
}
