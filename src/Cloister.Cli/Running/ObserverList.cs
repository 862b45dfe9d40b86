using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Processor;

namespace Cloister.Cli.Running;

/// <summary>Passes what driver and engine tell on to several who listen.</summary>
internal sealed class ObserverList : IDriverObserver, IEngineObserver
{
    private readonly List<IDriverObserver> _drivers = [];
    private readonly List<IEngineObserver> _engines = [];

    /// <summary>One more listens. Whoever is alone is told without a way round.</summary>
    public void Add<T>(Tracer tracer, T observer)
        where T : IDriverObserver, IEngineObserver
    {
        _drivers.Add(observer);
        _engines.Add(observer);
        tracer.Driver.Observer = _drivers.Count == 1 ? observer : this;
        tracer.Observer = _drivers.Count == 1 ? observer : this;
    }

    public void IoctlBegan(IoctlOperation operation, string? name, uint command, ulong argument, IOpenEnclave? enclave) =>
        _drivers.ForEach(one => one.IoctlBegan(operation, name, command, argument, enclave));

    public void IoctlEnded(IoctlOperation operation) => _drivers.ForEach(one => one.IoctlEnded(operation));

    public void FaultBegan(IOpenEnclave? enclave, LinearAddress address, AccessKind access) =>
        _drivers.ForEach(one => one.FaultBegan(enclave, address, access));

    public void FaultEnded(VmFault result) => _drivers.ForEach(one => one.FaultEnded(result));

    public void Injected(InjectedFailure failure) => _drivers.ForEach(one => one.Injected(failure));

    public void Working(IObservedThread? thread) => _engines.ForEach(one => one.Working(thread));

    public void FastPathsUsed(IObservedThread thread, long entries, long resumptions, long exits) =>
        _engines.ForEach(one => one.FastPathsUsed(thread, entries, resumptions, exits));

    public void Following(IObservedThread? thread) => _engines.ForEach(one => one.Following(thread));

    public void PowerLost() => _engines.ForEach(one => one.PowerLost());

    public void ExceptionRaised(IObservedThread thread, in RaisedException exception)
    {
        foreach (IEngineObserver one in _engines)
        {
            one.ExceptionRaised(thread, in exception);
        }
    }

    public void SignalDelivered(IObservedThread thread, int signal) => _engines.ForEach(one => one.SignalDelivered(thread, signal));

    public void MappingCalled(IObservedThread thread, in MappingCall mapping, long result)
    {
        foreach (IEngineObserver one in _engines)
        {
            one.MappingCalled(thread, in mapping, result);
        }
    }

    public void FileOpening(IObservedThread thread, string path) => _engines.ForEach(one => one.FileOpening(thread, path));

    public void ThreadBegan(IObservedThread thread, IObservedThread? parent) => _engines.ForEach(one => one.ThreadBegan(thread, parent));

    public void Executed(IObservedThread thread) => _engines.ForEach(one => one.Executed(thread));

    public void Ordered(IObservedThread? thread, OrderedEvent what, string by) => _engines.ForEach(one => one.Ordered(thread, what, by));

    public void ThreadEnded(IObservedThread thread, ProgramEnd ended) => _engines.ForEach(one => one.ThreadEnded(thread, ended));
}
