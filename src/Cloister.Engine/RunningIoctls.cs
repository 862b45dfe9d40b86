namespace Cloister.Engine;

/// <summary>The ioctls that are worked on in slices.</summary>
internal sealed class RunningIoctls(Tracer tracer)
{
    /// <summary>Pages that are worked on until other threads are served.</summary>
    public const int PagesPerSlice = 64;

    private const int MostAttempts = 100;
    private readonly List<RunningIoctl> _ioctls = [];

    /// <summary>Whether there is one.</summary>
    public bool Any => _ioctls.Count > 0;

    /// <summary>Whether a thread waits for one.</summary>
    public bool Has(TracedThread thread) => _ioctls.Exists(ioctl => ioctl.Thread == thread);

    /// <summary>One more, whose thread stays stopped until it is done.</summary>
    public void Begin(RunningIoctl ioctl) => _ioctls.Add(ioctl);

    /// <summary>Does a slice of each.</summary>
    /// <returns>True when one is not done yet.</returns>
    public bool Advance()
    {
        foreach (RunningIoctl ioctl in _ioctls.ToArray())
        {
            if (!_ioctls.Contains(ioctl))
            {
                // Abandoned meanwhile.
                continue;
            }

            bool survived = false;
            tracer.Guard(() =>
            {
                using (tracer.Gates.Shut(null))
                {
                    if (ioctl.Continue(PagesPerSlice))
                    {
                        _ioctls.Remove(ioctl);
                        ioctl.Finish(tracer);
                    }
                    else
                    {
                        // Whoever comes in before the next slice must find what this one did.
                        tracer.Settle(ioctl.Thread);
                    }
                }

                survived = true;
            }, ioctl.Thread);
            if (!survived && ++ioctl.Attempts > MostAttempts)
            {
                // Its own thread's end, which is told later.
                Abandon(ioctl.Thread);
            }
        }

        // One that met the end of another thread is tried again.
        return Any;
    }

    /// <summary>Brings every one to its end, early where a signal would end it.</summary>
    public void Finish()
    {
        foreach (RunningIoctl ioctl in _ioctls)
        {
            ioctl.Interrupt();
        }

        while (Advance())
        {
        }
    }

    /// <summary>A thread has ended: so has what it waited for.</summary>
    public void Abandon(TracedThread thread)
    {
        for (int i = _ioctls.Count - 1; i >= 0; i--)
        {
            if (_ioctls[i].Thread == thread)
            {
                _ioctls[i].Abandon();
                _ioctls.RemoveAt(i);
            }
        }
    }
}
