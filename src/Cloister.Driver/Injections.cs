using Cloister.Processor;

namespace Cloister.Driver;

/// <summary>Counts the occasions of what is to go wrong, and says when it is time.</summary>
internal sealed class Injections
{
    private readonly Counted[] _ioctls, _races, _loads, _evictions, _flips, _orders;

    public Injections(IReadOnlyList<InjectedFailure> failures)
    {
        (_ioctls, _races) = (Of(failures, InjectedKind.Ioctl), Of(failures, InjectedKind.AugmentRace));
        (_loads, _evictions) = (Of(failures, InjectedKind.SlowLoad), Of(failures, InjectedKind.Eviction));
        _flips = Of(failures, InjectedKind.FlippedBit);
        _orders = [.. Of(failures, InjectedKind.EpcSize), .. Of(failures, InjectedKind.PageEviction)];
    }

    /// <summary>
    /// Whether a page that is added may yet be one that another thread added first: each must be asked for by a fault then.
    /// </summary>
    public bool MayRace => Array.Exists(_races, race => race.Occasions.AreLeft);

    /// <summary>Whether page faults are counted: none may be answered ahead then, or it would come at another's turn.</summary>
    public bool CountFaults => Array.Exists(_evictions, one => one.Occasions.AreLeft)
        || Array.Exists(_orders, one => one.Failure.Moment == InjectedMoment.Fault && one.Occasions.AreLeft);

    /// <summary>Whether entries are counted: each must stop then.</summary>
    public bool CountEntries => Array.Exists(_orders, one => one.Failure.Moment == InjectedMoment.Entry && one.Occasions.AreLeft);

    /// <summary>A moment comes that orders may wait for.</summary>
    /// <returns>Those that are due, in the order of the rules.</returns>
    public IEnumerable<InjectedFailure> Come(InjectedMoment moment) => _orders.Length == 0 ? []
        : [.. _orders.Where(one => one.Failure.Moment == moment && one.Occasions.Occur()).Select(one => one.Failure)];

    /// <summary>A program makes an ioctl. The failure that is to come of it, or null.</summary>
    /// <param name="name">The command's name.</param>
    public InjectedFailure? Ioctl(string name)
    {
        InjectedFailure? due = null;
        foreach (Counted counted in _ioctls)
        {
            if (counted.Failure.Ioctl == name || counted.Failure.Ioctl == InjectedFailure.AnyIoctl)
            {
                due = counted.Occasions.Occur() ? due ?? counted.Failure : due;
            }
        }

        return due;
    }

    /// <summary>A page was added where there was none. The failure that is to come of it, or null.</summary>
    public InjectedFailure? Augmented() => Due(_races);

    /// <summary>A page is about to be loaded. The slowness that is to come of it, or null.</summary>
    public InjectedFailure? Loaded() => Due(_loads);

    /// <summary>A page is about to be loaded. The bit of it that is to be another, or null.</summary>
    public InjectedFailure? Fetched() => Due(_flips);

    /// <summary>A page fault comes. The eviction that is to come before it is answered, or null.</summary>
    public InjectedFailure? Faulted() => Due(_evictions);

    private static InjectedFailure? Due(Counted[] all)
    {
        InjectedFailure? due = null;
        foreach (Counted counted in all)
        {
            due = counted.Occasions.Occur() ? due ?? counted.Failure : due;
        }

        return due;
    }

    private static Counted[] Of(IReadOnlyList<InjectedFailure> failures, InjectedKind kind) =>
        [.. failures.Where(failure => failure.Kind == kind)
        .Select(failure => new Counted(failure, new Occasions(failure.First, failure.Last)))];

    private sealed record Counted(InjectedFailure Failure, Occasions Occasions);
}
