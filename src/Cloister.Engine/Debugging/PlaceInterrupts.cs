using Cloister.Engine.Devices;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Debugging;

/// <summary>
/// Interrupts at places of enclaves' code: INT3 stands there, and a thread that was interrupted steps over it when it comes back.
/// </summary>
/// <param name="files">Who can execute pages.</param>
/// <param name="platform">Holds the threads.</param>
/// <param name="interruptions">Holds the others while one steps.</param>
/// <param name="exits">The interrupts.</param>
/// <param name="visits">Who may have wanted to hear of a place as well.</param>
/// <param name="hasBreakpoint">Whether a debugger wants a thread to stop at an address.</param>
/// <param name="observed">Who hears of it.</param>
internal sealed class PlaceInterrupts(DeviceFiles files, IPlatform platform, Interruptions interruptions, AsynchronousExits exits,
    FirstVisits visits, Func<TracedThread, ulong, bool> hasBreakpoint, Observation observed)
    : CodePlaces<IInterruptPlaces>(files, hasBreakpoint)
{
    private readonly Dictionary<EnclaveFile, HashSet<ulong>> _own = [];
    private readonly PerThread<Passing> _passing = new();

    /// <inheritdoc/>
    public override void Releasing(EnclaveFile file) => _ = _own.Remove(file);

    /// <summary>A thread has ended.</summary>
    public void Forget(TracedThread thread) => _passing.Forget(thread);

    /// <summary>What becomes of a thread that stands at a signal, where that is of INT3 at a place.</summary>
    public Answer? Trap(TracedThread thread, in ProgramEvent happened)
    {
        if (PlaceOf(thread, happened) is not var (file, address))
        {
            return null;
        }

        platform.NoteException(thread.Held, happened.Signal);
        thread.Registers.Rip = address;
        visits.Executed(thread, address);
        Passing passing = _passing.Of(thread);
        if (passing.At != address)
        {
            // What ERESUME brings back to this place goes on: the interrupt came before the instruction, once.
            passing.At = address;
            if (Places!.DueAt(file.Enclave!, address) is { } by)
            {
                observed.Observer.Ordered(thread, OrderedEvent.Interrupt, by);
                exits.ForInterrupt(thread);
                exits.ResumeInside(thread);
                return Answer.RunOn;
            }
        }

        return Pass(thread, file.Planted, passing, address);
    }

    /// <inheritdoc/>
    protected override bool IsPlace(EnclaveFile file, ulong address) =>
        _own.TryGetValue(file, out HashSet<ulong>? own) && own.Contains(address) && file.Planted.Contains(address);

    /// <inheritdoc/>
    protected override void Planted(EnclaveFile file, ulong address)
    {
        if (!_own.TryGetValue(file, out HashSet<ulong>? own))
        {
            _own[file] = own = [];
        }

        _ = own.Add(address);
    }

    // The instruction that INT3 stands for is executed, and nobody else comes by meanwhile.
    private Answer Pass(TracedThread thread, PlantedBreakpoints planted, Passing passing, ulong address)
    {
        using (interruptions.HoldOthers(thread))
        {
            ProgramEvent happened;
            planted.Remove(address);
            try
            {
                happened = platform.Step(thread.Held);
            }
            finally
            {
                // It may end meanwhile, and others come here yet.
                _ = planted.Plant(address);
            }

            if (happened is { Kind: EventKind.Signal, Signal: Signal.SIGTRAP })
            {
                passing.At = null;
                return Answer.RunOn;
            }

            // A fault: the instruction is executed when that is resolved.
            platform.PutBack(thread.Held, happened);
            return Answer.Stand;
        }
    }

    // Where a thread goes on that was asked about already.
    private sealed class Passing
    {
        public ulong? At { get; set; }
    }
}
