namespace Cloister.Driver;

/// <summary>Counts the occasions of what is to go wrong, and says when it is time.</summary>
internal sealed class Injections
{
    private readonly Counted[] _ioctls, _races;

    public Injections(IReadOnlyList<InjectedFailure> failures)
    {
        _ioctls = [.. failures.Where(failure => failure.Kind == InjectedKind.Ioctl).Select(failure => new Counted(failure))];
        _races = [.. failures.Where(failure => failure.Kind == InjectedKind.AugmentRace).Select(failure => new Counted(failure))];
    }

    /// <summary>Whether a page that is added may yet be one that another thread added first: each must be asked for by a fault then.</summary>
    public bool MayRace => Array.Exists(_races, race => race.IsLeft);

    /// <summary>A program makes an ioctl. The failure that is to come of it, or null.</summary>
    /// <param name="name">The command's name.</param>
    public InjectedFailure? Ioctl(string name)
    {
        InjectedFailure? due = null;
        foreach (Counted counted in _ioctls)
        {
            if (counted.Failure.Ioctl == name || counted.Failure.Ioctl == InjectedFailure.AnyIoctl)
            {
                due = counted.Occurs() ? due ?? counted.Failure : due;
            }
        }

        return due;
    }

    /// <summary>A page was added where there was none. The failure that is to come of it, or null.</summary>
    public InjectedFailure? Augmented()
    {
        InjectedFailure? due = null;
        foreach (Counted counted in _races)
        {
            due = counted.Occurs() ? due ?? counted.Failure : due;
        }

        return due;
    }

    private sealed class Counted(InjectedFailure failure)
    {
        private long _count;

        public InjectedFailure Failure { get; } = failure;

        public bool IsLeft => _count < Failure.Last;

        public bool Occurs()
        {
            if (!IsLeft)
            {
                return false;
            }

            _count++;
            return _count >= Failure.First;
        }
    }
}
