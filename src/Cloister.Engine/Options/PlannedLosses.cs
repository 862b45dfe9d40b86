namespace Cloister.Engine.Options;

/// <summary>Counts what a plan of power losses counts, and says when one is due.</summary>
internal sealed class PlannedLosses(PowerLossPlan plan)
{
    private readonly HashSet<long>? _entries = SetOf(plan.Entries), _ioctls = SetOf(plan.Ioctls);
    private long _entryCount, _ioctlCount;

    /// <summary>Hears that one is due.</summary>
    public Action? OnDue { get; set; }

    /// <summary>Whether entries have to be counted: each must stop, then.</summary>
    public bool CountsEntries => _entries is { Count: > 0 };

    /// <summary>A thread is about to execute EENTER.</summary>
    public void CountEntry() => Count(_entries, ref _entryCount);

    /// <summary>A thread is about to make an ioctl on a device.</summary>
    public void CountIoctl() => Count(_ioctls, ref _ioctlCount);

    private static HashSet<long>? SetOf(IReadOnlyList<long> counts) => counts.Count == 0 ? null : [.. counts];

    private void Count(HashSet<long>? when, ref long count)
    {
        if (when is { Count: > 0 } && when.Remove(++count))
        {
            OnDue?.Invoke();
        }
    }
}
