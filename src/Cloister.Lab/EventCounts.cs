namespace Cloister.Lab;

/// <summary>How often each event happened.</summary>
public sealed class EventCounts
{
    private static readonly int Length = Enum.GetValues<MachineEvent>().Length;
    private readonly long[] _counts = new long[Length];

    /// <summary>The count of an event.</summary>
    public long this[MachineEvent machineEvent]
    {
        get => _counts[(int)machineEvent];
        set => _counts[(int)machineEvent] = value;
    }

    /// <summary>The events that happened at all.</summary>
    public IEnumerable<MachineEvent> Present => Enum.GetValues<MachineEvent>().Where(one => this[one] != 0);

    /// <summary>Asynchronous exits, whatever for.</summary>
    public long Aex => this[MachineEvent.AexPageFault] + this[MachineEvent.AexOther];

    /// <summary>A copy that stays as it is.</summary>
    public EventCounts Copy() => Plus(new EventCounts());

    /// <summary>The sum.</summary>
    public EventCounts Plus(EventCounts other) => Combine(other, (a, b) => a + b);

    /// <summary>What came since.</summary>
    /// <param name="before">A copy made before.</param>
    public EventCounts Since(EventCounts before) => Combine(before, (a, b) => a - b);

    private EventCounts Combine(EventCounts other, Func<long, long, long> operation)
    {
        ArgumentNullException.ThrowIfNull(other);
        var result = new EventCounts();
        foreach (MachineEvent one in Enum.GetValues<MachineEvent>())
        {
            result[one] = operation(this[one], other[one]);
        }

        return result;
    }
}
