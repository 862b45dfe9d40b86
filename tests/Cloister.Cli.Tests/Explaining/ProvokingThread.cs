using Cloister.Driver;
using Cloister.Engine.Observers;
using Cloister.Processor;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>A thread as the explanations see it: it has ended, so that no place of the host is looked for.</summary>
/// <param name="processor">The model's side.</param>
/// <param name="memory">What its addresses are.</param>
internal sealed class ProvokingThread(LogicalProcessor processor, ILinearMemory memory) : IObservedThread
{
    public int Id => 7;

    public int ProcessId => Environment.ProcessId;

    public LogicalProcessor Processor => processor;

    public ulong Rip => processor.EnclaveMode ? processor.Registers.Rip : 0;

    public ulong Rsp => 0;

    public ulong Rbp => 0;

    public ObservedPage PageAt(ulong address)
    {
        PageWalk walk = memory.Walk(new(address), AccessKind.Read);
        bool isPresent = walk.Kind == PageWalkKind.Epc;
        return new ObservedPage(IsMapped: true, (int)(Protection.Read | Protection.Write | Protection.Execute), isPresent, walk.Page);
    }

    public bool TryRead(ulong address, Span<byte> buffer) => false;
}
