using System.Globalization;
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

    /// <summary>Of <see cref="InjectedKind.PageEviction"/> and <see cref="InjectedKind.EpcSize"/>: at which moment.</summary>
    public InjectedMoment Moment { get; init; }

    /// <summary>Of <see cref="InjectedMoment.Time"/>: after how many seconds.</summary>
    public double Seconds { get; init; }

    /// <summary>Of <see cref="InjectedKind.EpcSize"/>: how many pages there are then.</summary>
    public int Pages { get; init; }

    /// <summary>Of <see cref="InjectedKind.PageEviction"/>: where in its enclave the page lies, from the base; in bytes.</summary>
    public ulong Offset { get; init; }

    /// <summary>Of <see cref="InjectedKind.PageEviction"/>: its linear address, in place of <see cref="Offset"/>; 0 for none.</summary>
    public ulong Address { get; init; }

    /// <summary>Of <see cref="InjectedKind.PageEviction"/>: SECS.EID of the enclave; 0 for each that has such a page.</summary>
    public ulong Enclave { get; init; }

    /// <summary>Of <see cref="InjectedKind.FlippedBit"/>: which bit of the page.</summary>
    public int Bit { get; init; }

    /// <summary>Whether its occasion came and there was nothing to do: no page in the EPC that could be written out.</summary>
    public bool HasMissed { get; init; }

    /// <summary>Of <see cref="InjectedKind.Leaf"/>: which, and what it gives.</summary>
    public InjectedLeaf? Leaf { get; init; }

    /// <summary>As it is written on a command line.</summary>
    public override string ToString()
    {
        string when = Occasions.TextOf(First, Last);
        return Kind switch
        {
            InjectedKind.AugmentRace => $"race=eaug:when={when}",
            InjectedKind.SlowLoad => $"load=slow:by={Milliseconds}:when={when}",
            InjectedKind.Eviction => $"evict=batch:when={when}",
            InjectedKind.PageEviction => $"evict=page:{PlaceText}{(Enclave == 0 ? "" : $":enclave={Enclave}")}:{MomentText(when)}",
            InjectedKind.EpcSize => $"epc={Pages}:{MomentText(when)}",
            InjectedKind.FlippedBit => $"load=flip:bit={Bit}:when={when}",
            InjectedKind.Leaf =>
                $"leaf={Leaf?.Encls?.ToString().ToUpperInvariant() ?? Leaf?.Enclu?.ToString().ToUpperInvariant()}:error={Leaf?.Error}:when={when}",
            _ => $"ioctl={Ioctl}:error={Error}:when={when}",
        };
    }

    private string PlaceText => Address == 0 ? $"offset=0x{Offset:x}" : $"address=0x{Address:x}";

    private string MomentText(string when) => Moment switch
    {
        InjectedMoment.Time => string.Create(CultureInfo.InvariantCulture, $"time={Seconds}"),
        InjectedMoment.Entry => $"entry={when}",
        InjectedMoment.Ioctl => $"ioctl={when}",
        _ => $"fault={when}",
    };
}
