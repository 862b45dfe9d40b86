using Cloister.Linux;

namespace Cloister.Host;

/// <summary>Drives a thread out of an enclave: for a moment no page of it may be executed.</summary>
/// <remarks>
/// No signal does that: after its handler the asynchronous exit pointer resumes the enclave. Without execution the thread faults at its
/// next instruction, by an asynchronous exit, and the vDSO returns. So do others that are inside, which are resumed when their pages can be
/// executed again; nothing that the enclave sees has changed. Source: SDM 3D, "AEX"; Linux, arch/x86/entry/vdso/vsgx.S.
/// </remarks>
internal sealed class DriveOut(EnclaveRange range)
{
    private readonly object _lock = new();
    private readonly MappedAreas _areas = new();
    private int _changes;

    /// <summary>Counts its beginnings and ends: odd while it goes on.</summary>
    public int Changes => Volatile.Read(ref _changes);

    /// <summary>Why the enclave cannot be used any more; null when it can.</summary>
    public string? Lost { get; private set; }

    /// <summary>Changes mappings, not in the middle of it.</summary>
    public Errno Change(Func<Errno> change, Action<MappedAreas> note)
    {
        lock (_lock)
        {
            Errno errno = change();
            if (errno == Errno.None)
            {
                note(_areas);
            }

            return errno;
        }
    }

    /// <summary>Waits until it is over.</summary>
    public void WaitUntilOver()
    {
        lock (_lock)
        {
        }
    }

    /// <summary>Returns when the event is set, which the thread that is inside does when it has left.</summary>
    public void Run(ManualResetEventSlim left)
    {
        lock (_lock)
        {
            (ulong Offset, ulong Length, PageAccess Access)[] executable = _areas.Executable;
            _ = Interlocked.Increment(ref _changes);
            foreach ((ulong offset, ulong length, PageAccess access) in executable)
            {
                _ = range.Protect(offset, length, (int)(access & ~PageAccess.Execute));
            }

            left.Wait();
            foreach ((ulong offset, ulong length, PageAccess access) in executable)
            {
                if (range.Protect(offset, length, (int)access) is var errno and not Errno.None)
                {
                    Lost = $"its pages at 0x{offset:x} could not be made executable again after a call was cancelled (mprotect: {errno})";
                }
            }

            _ = Interlocked.Increment(ref _changes);
        }
    }
}
