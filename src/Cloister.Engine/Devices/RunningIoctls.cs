using Cloister.Engine.Memory;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Devices;

/// <summary>The ioctls that are worked on in slices.</summary>
internal sealed class RunningIoctls
{
    /// <summary>Pages that are worked on until other threads are served.</summary>
    public const int PagesPerSlice = 64;

    private readonly List<RunningIoctl> _ioctls = [];

    /// <summary>Whether there is one.</summary>
    public bool Any => _ioctls.Count > 0;

    /// <summary>Whether a thread waits for one.</summary>
    public bool Has(TracedThread thread) => _ioctls.Exists(ioctl => ioctl.Thread == thread);

    /// <summary>Whether one is on a file.</summary>
    public bool Use(EnclaveFile file) => _ioctls.Exists(ioctl => ioctl.File == file);

    /// <summary>One more, whose thread stays stopped until it is done.</summary>
    public void Begin(RunningIoctl ioctl) => _ioctls.Add(ioctl);

    /// <summary>All of them, as they are now.</summary>
    public RunningIoctl[] All => [.. _ioctls];

    /// <summary>Whether one has not been finished or abandoned.</summary>
    public bool Has(RunningIoctl ioctl) => _ioctls.Contains(ioctl);

    /// <summary>It is done, and is not worked on any more.</summary>
    /// <returns>Its result for the thread.</returns>
    public Answer Finish(RunningIoctl ioctl)
    {
        _ = _ioctls.Remove(ioctl);
        return ioctl.Finish();
    }

    /// <summary>Brings every one to its end early, where a signal would end it.</summary>
    public void Interrupt()
    {
        foreach (RunningIoctl ioctl in _ioctls)
        {
            ioctl.Interrupt();
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
