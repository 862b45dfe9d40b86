using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Keeps a thread that stops all the time on the tracer's core: a stop within one core costs a quarter of one between two.</summary>
/// <remarks>
/// Waking another core takes an interprocessor interrupt, which is dear in virtual machines. A thread goes back to all its cores when it has
/// been quiet for a moment, and before anybody asks for its affinity. Other threads may be busy on that core, such as those that spin for a
/// lock whose holder stops: the tracer takes it from them when it is woken, and who looks for quiet threads works on another.
/// </remarks>
internal sealed class CoreSharing : IDisposable
{
    private const int WindowMilliseconds = 20, ManyStops = 64, FewStops = 16;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, (ulong[] Mask, TracedThread Thread)> _pinned = [];
    private readonly AutoResetEvent _someArePinned = new(initialState: false);
    private Thread? _looker;
    private volatile bool _disposed;
    private readonly ulong[] _allCores = HostKernel.GetAffinity(0);
    private ulong[]? _tracerCore;
    private bool _hasBegun;

    /// <summary>Counts a stop of a thread and pins the thread when there are many.</summary>
    public void NoteStop(TracedThread thread)
    {
        thread.RecentStops++;
        long now = Environment.TickCount64;
        if (thread.Pinned || now - thread.WindowStart <= WindowMilliseconds)
        {
            if (!thread.Pinned && thread.RecentStops >= ManyStops)
            {
                Pin(thread);
            }

            return;
        }

        (thread.WindowStart, thread.RecentStops) = (now, 0);
    }

    /// <summary>A program begins: its loader alone stops some fifty times, by CPUID and mmap. Pinned until the next look.</summary>
    /// <remarks>Not so the very first, which would wait for the thread that looks to be made.</remarks>
    public void NoteExec(TracedThread thread)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            return;
        }

        if (!thread.Pinned)
        {
            Pin(thread);
        }

        thread.RecentStops = -ManyStops;
    }

    /// <summary>For threads that the tracer starts: they run where it could run before it chose its core.</summary>
    public void UseAllCores() => _ = HostKernel.SetAffinity(0, _allCores);

    /// <summary>Gives a thread its own affinity back.</summary>
    public void Release(int thread)
    {
        lock (_lock)
        {
            if (_pinned.Remove(thread, out (ulong[] Mask, TracedThread Thread) pinned))
            {
                pinned.Thread.Pinned = false;
                _ = HostKernel.SetAffinity(thread, pinned.Mask);
            }
        }
    }

    /// <summary>A child begins with the affinity its parent really has.</summary>
    public void Inherit(TracedThread parent, int child)
    {
        lock (_lock)
        {
            if (_pinned.TryGetValue(parent.Id, out (ulong[] Mask, TracedThread Thread) pinned))
            {
                _ = HostKernel.SetAffinity(child, pinned.Mask);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _ = _someArePinned.Set();
    }

    private void Pin(TracedThread thread)
    {
        // Made while the tracer is on all cores: it would be made for the tracer's core only.
        _looker ??= StartLooking();
        ulong[] mask = HostKernel.GetAffinity(thread.Id);
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
            if (HostKernel.SetAffinity(thread.Id, core) == Errno.None)
            {
                thread.Pinned = true;
                _pinned[thread.Id] = (mask, thread);
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
            foreach ((int id, (ulong[] mask, TracedThread thread)) in _pinned.ToArray())
            {
                if (Interlocked.Exchange(ref thread.RecentStops, 0) < FewStops)
                {
                    thread.Pinned = false;
                    _ = _pinned.Remove(id);
                    _ = HostKernel.SetAffinity(id, mask);
                }
            }

            return _pinned.Count == 0;
        }
    }
}
