using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Lab;

/// <summary>Counts what the machine does, enclave by enclave, and passes everything on to the observer that was there.</summary>
/// <remarks>For programs that have one enclave at a time: what happens between two ECREATEs is the first one's.</remarks>
/// <param name="driver">The driver's numbers at the moment.</param>
/// <param name="next">The observer that was there.</param>
public sealed class EventCounter(Func<DriverStatistics> driver, IMachineObserver next) : IMachineObserver
{
    private const int ChunksPerPage = LinearAddress.PageSize / 256;
    private readonly EventCounts _all = new();
    private readonly List<EnclaveEvents> _enclaves = [];
    private EventCounts _created = new(), _initialised = new();

    /// <summary>The enclaves in the order of ECREATE.</summary>
    public IReadOnlyList<EnclaveEvents> Enclaves => _enclaves;

    /// <inheritdoc/>
    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        next.EnclsExecuted(leaf, page, address, result);
        if (!result.IsSuccess)
        {
            return;
        }

        if (leaf == EnclsLeaf.Ecreate)
        {
            _created = Now();

            // The call that executes ECREATE was counted when it began.
            _created[MachineEvent.Ioctl]--;
            _initialised = _created;
            _enclaves.Add(new EnclaveEvents(new EventCounts(), new EventCounts()));
        }

        Add(leaf switch
        {
            EnclsLeaf.Ecreate => MachineEvent.Ecreate,
            EnclsLeaf.Eadd => MachineEvent.Eadd,
            EnclsLeaf.Eextend => MachineEvent.Eextend,
            EnclsLeaf.Einit => MachineEvent.Einit,
            EnclsLeaf.Eaug => MachineEvent.Eaug,
            EnclsLeaf.Ewb => MachineEvent.Ewb,
            EnclsLeaf.Eldu => MachineEvent.Eldu,
            _ => null,
        });
        if (leaf == EnclsLeaf.Eextend)
        {
            // The driver measures whole pages, and observers hear of that once (Eextend.ExecutePage).
            _all[MachineEvent.Eextend] += ChunksPerPage - 1;
        }

        if (leaf == EnclsLeaf.Einit && _enclaves.Count > 0)
        {
            _initialised = Now();
            _enclaves[^1] = new EnclaveEvents(_initialised.Since(_created), new EventCounts());
        }
    }

    /// <inheritdoc/>
    public void Measured(EpcPage page, LinearAddress address, int length) => next.Measured(page, address, length);

    /// <inheritdoc/>
    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result)
    {
        next.EncluExecuted(leaf, processor, address, result);
        if (!result.IsSuccess)
        {
            return;
        }

        Add(leaf switch
        {
            EncluLeaf.Eenter => MachineEvent.Eenter,
            EncluLeaf.Eexit => MachineEvent.Eexit,
            EncluLeaf.Eresume => MachineEvent.Eresume,
            EncluLeaf.Eaccept => MachineEvent.Eaccept,
            EncluLeaf.Eacceptcopy => MachineEvent.Eacceptcopy,
            _ => null,
        });

        // Each time the enclave is left of its own will the use of it may be over; what follows the last time is its end.
        if (leaf == EncluLeaf.Eexit && _enclaves.Count > 0)
        {
            _enclaves[^1] = _enclaves[^1] with { Use = Now().Since(_initialised) };
        }
    }

    /// <inheritdoc/>
    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        next.AexTaken(processor, vector, errorCode, address);
        Add(vector == ExceptionVector.PageFault ? MachineEvent.AexPageFault : MachineEvent.AexOther);
    }

    /// <inheritdoc/>
    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found) =>
        next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);

    private EventCounts Now()
    {
        EventCounts now = _all.Copy();
        DriverStatistics statistics = driver();
        now[MachineEvent.PageFault] = statistics.Faults;
        now[MachineEvent.Ioctl] = statistics.Ioctls;
        return now;
    }

    private void Add(MachineEvent? machineEvent)
    {
        if (machineEvent is { } one)
        {
            _all[one]++;
        }
    }
}

/// <summary>What happened to one enclave.</summary>
/// <param name="Build">From ECREATE to EINIT.</param>
/// <param name="Use">From then to the last EEXIT.</param>
public sealed record EnclaveEvents(EventCounts Build, EventCounts Use);
