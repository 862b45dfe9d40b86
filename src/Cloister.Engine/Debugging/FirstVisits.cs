using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Debugging;

/// <summary>Tells of places of enclaves' code when they are executed for the first time: INT3 stands there until then.</summary>
/// <param name="files">Who can execute pages.</param>
/// <param name="platform">Holds the threads.</param>
/// <param name="hasBreakpoint">Whether a debugger wants a thread to stop at an address.</param>
internal sealed class FirstVisits(DeviceFiles files, IPlatform platform, Func<TracedThread, ulong, bool> hasBreakpoint)
    : CodePlaces<ICodePlaces>(files, hasBreakpoint)
{
    /// <summary>What becomes of a thread that stands at a signal, where that is of INT3 at a place.</summary>
    public Answer? Trap(TracedThread thread, in ProgramEvent happened)
    {
        if (PlaceOf(thread, happened) is not var (file, address))
        {
            return null;
        }

        // Two threads may have executed it before either was answered.
        platform.NoteException(thread.Held, happened.Signal);
        thread.Registers.Rip = address;
        if (file.Planted.Contains(address))
        {
            Places!.Reached(thread, file.Enclave!, address);
            file.Planted.Remove(address);
        }

        return Answer.RunOn;
    }

    /// <summary>A thread executes an instruction that is illegal inside, and stops by that already.</summary>
    public void Executed(TracedThread thread, ulong address)
    {
        if (Places is { } places && thread.Space.Mappings.Find(address)?.File.Enclave is { } enclave)
        {
            places.Reached(thread, enclave, address);
        }
    }

    /// <inheritdoc/>
    protected override bool IsPlace(EnclaveFile file, ulong address) => file.Planted.Contains(address) || file.Planted.HasGone(address);
}
