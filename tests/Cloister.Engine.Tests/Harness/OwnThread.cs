using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Harness;

/// <summary>A traced thread that nobody traces: its registers are what a test sets, its memory is this process's.</summary>
internal sealed class OwnThread : IDisposable
{
    private readonly EpcMemory _epc;

    public OwnThread(int epcPages = 4)
    {
        _epc = new EpcMemory(epcPages);
        Machine = new SgxMachine(new MachineOptions(), _epc);
        Space = new AddressSpace(Machine, Environment.ProcessId);
        var process = new TracedProcess(Environment.ProcessId, Space);
        Thread = new TracedThread(new TestThread(Environment.ProcessId, process), process);
    }

    public SgxMachine Machine { get; }

    public AddressSpace Space { get; }

    public TracedThread Thread { get; }

    public void Dispose()
    {
        Space.Dispose();
        _epc.Dispose();
    }
}
