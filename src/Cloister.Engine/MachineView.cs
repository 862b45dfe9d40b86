using Cloister.Driver;
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
    public SgxDriver Driver => _tracer.Driver;

    /// <summary>Stops answered.</summary>
    public StopCounts Stops => _tracer.Stops;

    /// <summary>The process that was begun; 0 when it has ended.</summary>
    public int Program => _tracer.Root.Id;

    /// <summary>The program's processes, in the order of their ids.</summary>
    public IReadOnlyList<ObservedProcess> Processes =>
    [
        .. _tracer.Processes.Threads.GroupBy(thread => thread.Process).OrderBy(of => of.Key.Id).Select(process => new ObservedProcess(
            process.Key.Id,
            [.. process.OrderBy(thread => thread.Id)],
            [.. process.Key.Space.Mappings.All.Select(one => new ObservedMapping(one.Start, one.End, one.Protection, one.File.Enclave))])),
    ];
}
