using System.Globalization;
using Cloister.Driver;

namespace Cloister.Engine.Options;

/// <summary>Counts what a plan of power losses counts, and says when one is due.</summary>
/// <param name="plan">The plan.</param>
/// <param name="orders">Who is told of entries where it has to count them as well; null for nobody.</param>
internal sealed class PlannedLosses(PowerLossPlan plan, IDriverOrders? orders = null)
{
    private readonly HashSet<long>? _entries = SetOf(plan.Entries), _ioctls = SetOf(plan.Ioctls);
    private long _entryCount, _ioctlCount;

    /// <summary>Hears that one is due, and by which event of the plan.</summary>
    public Action<string>? OnDue { get; set; }

    /// <summary>Whether entries have to be counted: each must stop, then.</summary>
    public bool CountsEntries => _entries is { Count: > 0 } || orders?.CountEntries == true;

    /// <summary>A thread is about to execute EENTER.</summary>
    public void CountEntry()
    {
        Count(_entries, ref _entryCount, PowerLossPlan.Entry);
        orders?.Entering();
    }

    /// <summary>A thread is about to make an ioctl on a device.</summary>
    public void CountIoctl() => Count(_ioctls, ref _ioctlCount, PowerLossPlan.Ioctl);

    private static HashSet<long>? SetOf(IReadOnlyList<long> counts) => counts.Count == 0 ? null : [.. counts];

    private void Count(HashSet<long>? when, ref long count, string what)
    {
        if (when is { Count: > 0 } && when.Remove(++count))
        {
            OnDue?.Invoke(string.Create(CultureInfo.InvariantCulture, $"--power-loss {what}{count}"));
        }
    }
}
