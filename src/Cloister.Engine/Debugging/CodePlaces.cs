using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Debugging;

/// <summary>Places of enclaves' code that somebody chooses: INT3 stands there, also when their pages go and come.</summary>
/// <param name="files">Who can execute pages.</param>
/// <param name="hasBreakpoint">Whether a debugger wants a thread to stop at an address.</param>
internal abstract class CodePlaces<T>(DeviceFiles files, Func<TracedThread, ulong, bool> hasBreakpoint) : IPageObserver
    where T : class, IChosenPlaces
{
    /// <summary>Who chooses them; null for nobody.</summary>
    public T? Places { get; set; }

    /// <summary>Pages are about to be executed by a thread, and nobody executes them yet.</summary>
    public void Guarded(TracedThread thread, EnclaveMapping mapping, ulong start, ulong end)
    {
        for (ulong page = start; Places is not null && page < end; page += HostPage.Size)
        {
            Plant(mapping.File, thread.Process.Id, page);
        }
    }

    /// <inheritdoc/>
    public void Filled(EnclaveFile file, ulong address)
    {
        if (Places is not null && files.SpacesOf(file).Any(space => space.Pages.Peek(address).Executable))
        {
            Plant(file, 0, address);
        }
    }

    /// <inheritdoc/>
    public virtual void Releasing(EnclaveFile file)
    {
    }

    /// <summary>INT3 stands at a place now.</summary>
    protected virtual void Planted(EnclaveFile file, ulong address)
    {
    }

    /// <summary>Whether INT3 at an address is, or was, of a place.</summary>
    protected abstract bool IsPlace(EnclaveFile file, ulong address);

    /// <summary>The file and the address of a place at whose INT3 a thread stands; null where it stands for anything else.</summary>
    protected (EnclaveFile File, ulong Address)? PlaceOf(TracedThread thread, in ProgramEvent happened)
    {
        if (Places is null || happened.Signal != Signal.SIGTRAP || !thread.Processor.EnclaveMode)
        {
            return null;
        }

        ulong address = thread.Peek().Rip - 1;
        return thread.Space.Mappings.Find(address) is { File: { Enclave: not null } file } && !hasBreakpoint(thread, address)
            && IsPlace(file, address) && thread.GetSignal(out SignalInformation information) == Errno.None
            && information.Code == SignalInformation.SiKernel ? (file, address) : null;
    }

    // What stands as UD2 or has a breakpoint stops by itself.
    private void Plant(EnclaveFile file, int process, ulong page)
    {
        if (file.Enclave is not { } enclave || Places is not { } places)
        {
            return;
        }

        foreach (ulong place in places.PlacesIn(enclave, process, page, file.Contents(page - file.Base).ToArray()))
        {
            if (HostPage.Start(place) == page && file.IllegalSites.At(place) is null && file.Planted.Plant(place))
            {
                Planted(file, place);
            }
        }
    }
}
