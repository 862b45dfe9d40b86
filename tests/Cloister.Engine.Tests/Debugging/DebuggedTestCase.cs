using System.Runtime.InteropServices;
using Cloister.Engine.Debugging;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Debugging;

/// <summary>A program that is debugged: one thread, whose code lies in this process.</summary>
[Collection(ScenarioCollection.Name)]
public abstract class DebuggedTestCase : IDisposable
{
    private protected readonly TestEngine _engine = new();
    private protected readonly List<DebugStop> _stops = [];
    private protected readonly byte[] _code = GC.AllocateArray<byte>(32, pinned: true);

    public void Dispose()
    {
        _engine.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected TracedThread Thread => _engine.Thread;

    private protected List<string> Log => _engine.Platform.Log;

    private protected ulong Code => (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(_code, 0);

    private protected DebuggedProcess Attach()
    {
        _engine.Platform.Cause = (_, happened) => happened.Signal is Signal.SIGTRAP or Signal.SIGSEGV or Signal.SIGILL
            ? SignalCause.Exception : SignalCause.Sent;
        DebuggedProcess process = _engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add)!;
        _stops.Clear();
        return process;
    }

    private protected static void RunAll(DebuggedProcess process, ThreadOrder order = default) => process.Resume(_ => order, runsAll: true);
}
