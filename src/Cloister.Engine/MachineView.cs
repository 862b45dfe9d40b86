using Cloister.Driver;
using Cloister.Engine.Debugging;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>What can be seen of a machine between two events. Good for the length of a question only.</summary>
public sealed class MachineView
{
    private readonly Tracer _tracer;

    internal MachineView(Tracer tracer) => _tracer = tracer;

    /// <summary>The processor.</summary>
    public SgxMachine Machine => _tracer.Machine;

    /// <summary>The driver.</summary>
    public ISgxDriver Driver => _tracer.Driver;

    /// <summary>Stops answered.</summary>
    public StopCounts Stops => _tracer.Stops;

    /// <summary>The process that was begun; 0 when it has ended.</summary>
    public int Program => _tracer.Root.Id;

    /// <summary>Drives out the threads that are inside an enclave, as before one of its pages is written out: their registers lie in
    /// its state save areas then, and none comes in again while the question lasts.</summary>
    public void ForceExits(IOpenEnclave enclave)
    {
        ArgumentNullException.ThrowIfNull(enclave);
        if (!enclave.SecsPage.IsNone)
        {
            _tracer.ForceExits(enclave.SecsPage);
        }
    }

    /// <summary>The process that a debugger holds; null for none.</summary>
    public DebuggedProcess? Debugged => _tracer.Debugger.Current?.Debugged;

    /// <summary>A debugger holds a process from now on, which stands.</summary>
    /// <param name="process">Its id.</param>
    /// <param name="stopped">Hears, on the tracer's thread, whenever it stands, now as well.</param>
    /// <returns>Null when there is no such process, or a debugger has one already.</returns>
    public DebuggedProcess? Debug(int process, Action<DebugStop> stopped) =>
        _tracer.Processes.Threads.FirstOrDefault(thread => thread.Process.Id == process)?.Process is { } found
            ? _tracer.Debugger.Attach(found, stopped) : null;

    /// <summary>The program's processes, in the order of their ids.</summary>
    public IReadOnlyList<ObservedProcess> Processes =>
    [
        .. _tracer.Processes.Threads.GroupBy(thread => thread.Process).OrderBy(of => of.Key.Id).Select(process => new ObservedProcess(
            process.Key.Id,
            [.. process.OrderBy(thread => thread.Id)],
            [.. process.Key.Space.Mappings.All.Select(one => new ObservedMapping(one.Start, one.End, one.Protection, one.File.Enclave))])),
    ];
}
