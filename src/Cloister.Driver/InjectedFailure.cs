using Cloister.Processor;

namespace Cloister.Driver;

/// <summary>
/// Something that goes wrong by order and not by chance, so that a program under test meets it: which, and at which of its occasions.
/// </summary>
/// <param name="Kind">What goes wrong.</param>
/// <param name="Ioctl">Of <see cref="InjectedKind.Ioctl"/>: the command's name in the uapi header, or <see cref="AnyIoctl"/>.</param>
/// <param name="Error">Of <see cref="InjectedKind.Ioctl"/>: what it returns.</param>
/// <param name="First">The first occasion, from 1, counted over all programs of the machine.</param>
/// <param name="Last">The last one, at least <paramref name="First"/>.</param>
public sealed record InjectedFailure(InjectedKind Kind, string Ioctl, DriverError Error, long First, long Last)
{
    /// <summary>Every ioctl of the interface.</summary>
    public const string AnyIoctl = "any";

    /// <summary>Of <see cref="InjectedKind.SlowLoad"/>: how much longer.</summary>
    public int Milliseconds { get; init; }

    /// <summary>Of <see cref="InjectedKind.Leaf"/>: which, and what it gives.</summary>
    public InjectedLeaf? Leaf { get; init; }

    /// <summary>As it is written on a command line.</summary>
    public override string ToString()
    {
        string when = Last == long.MaxValue ? $"{First}+" : First == Last ? $"{First}" : $"{First}..{Last}";
        return Kind switch
        {
            InjectedKind.AugmentRace => $"race=eaug:when={when}",
            InjectedKind.SlowLoad => $"load=slow:by={Milliseconds}:when={when}",
            InjectedKind.Eviction => $"evict=batch:when={when}",
            InjectedKind.Leaf =>
                $"leaf={Leaf?.Encls?.ToString().ToUpperInvariant() ?? Leaf?.Enclu?.ToString().ToUpperInvariant()}:error={Leaf?.Error}:when={when}",
            _ => $"ioctl={Ioctl}:error={Error}:when={when}",
        };
    }
}
