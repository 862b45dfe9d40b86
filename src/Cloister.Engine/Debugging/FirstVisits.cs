using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Debugging;

/// <summary>Tells of places of enclaves' code when they are executed for the first time: INT3 stands there until then.</summary>
/// <param name="files">Who can execute pages.</param>
/// <param name="platform">Holds the threads.</param>
/// <param name="hasBreakpoint">Whether a debugger wants a thread to stop at an address.</param>
internal sealed class FirstVisits(DeviceFiles files, IPlatform platform, Func<TracedThread, ulong, bool> hasBreakpoint) : IPageObserver
{
    /// <summary>Who chooses them; null for nobody.</summary>
    public ICodePlaces? Places { get; set; }

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

    /// <summary>What becomes of a thread that stands at a signal, where that is of INT3 at a place.</summary>
    public Answer? Trap(TracedThread thread, in ProgramEvent happened)
    {
        if (Places is not { } places || happened.Signal != Signal.SIGTRAP || !thread.Processor.EnclaveMode)
        {
            return null;
        }

        ulong address = thread.Peek().Rip - 1;
        if (thread.Space.Mappings.Find(address) is not { File: { Enclave: { } enclave } file } || hasBreakpoint(thread, address)
            || !(file.Planted.Contains(address) || file.Planted.HasGone(address))
            || thread.GetSignal(out SignalInformation information) != Errno.None || information.Code != SignalInformation.SiKernel)
        {
            return null;
        }

        // Two threads may have executed it before either was answered.
        platform.NoteException(thread.Held, happened.Signal);
        thread.Registers.Rip = address;
        if (file.Planted.Contains(address))
        {
            places.Reached(thread, enclave, address);
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

    // What stands as UD2 or has a breakpoint stops by itself.
    private void Plant(EnclaveFile file, int process, ulong page)
    {
        if (file.Enclave is not { } enclave || Places is not { } places)
        {
            return;
        }

        foreach (ulong place in places.PlacesIn(enclave, process, page, file.Contents(page - file.Base).ToArray()))
        {
            if (HostPage.Start(place) == page && file.IllegalSites.At(place) is null)
            {
                _ = file.Planted.Plant(place);
            }
        }
    }
}
