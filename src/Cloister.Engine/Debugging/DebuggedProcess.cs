using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Debugging;

/// <summary>A process that a debugger holds: all its threads stand, or those run that it wants to.</summary>
/// <remarks>Its members are for the tracer's thread, in <see cref="Tracer.Ask{T}"/>: nothing happens meanwhile.</remarks>
public sealed class DebuggedProcess
{
    private readonly DebugControl _control;

    internal DebuggedProcess(DebugControl control) => _control = control;

    /// <summary>Its id.</summary>
    public int Id => Process.Id;

    /// <summary>Its threads stand for the debugger.</summary>
    public bool IsStopped => _control.IsStopped;

    /// <summary>The debugger has let it go, or it has ended.</summary>
    public bool IsOver => _control.IsOver;

    /// <summary>Signals that threads get without the debugger being asked; bit n-1 is signal n.</summary>
    public ulong PassedSignals
    {
        get => _control.PassedSignals;
        set => _control.PassedSignals = value;
    }

    /// <summary>Signals that threads get which stand at them when the debugger goes; bit n-1 is signal n. All but SIGINT and SIGTRAP,
    /// which are mostly the debugger's own.</summary>
    public ulong KeptSignals
    {
        get => _control.KeptSignals;
        set => _control.KeptSignals = value;
    }

    /// <summary>Ids of its threads, in order.</summary>
    public IReadOnlyList<int> Threads => [.. Process.Threads.Select(thread => thread.Id).Order()];

    /// <summary>Where the synthesized vDSO lies; 0 when it has none.</summary>
    public ulong Vdso => Process.Space.Vdso is null ? 0 : Area.Vdso;

    private TracedProcess Process => _control.Process;

    private DebuggedMemory Memory => _control.Memory;

    private ThreadRegisters Registers => _control.Registers;

    /// <summary>Whose registers a thread shows.</summary>
    public ThreadPlace PlaceOf(int thread) => Find(thread) is { } found ? ThreadRegisters.PlaceOf(found) : ThreadPlace.Unknown;

    /// <summary>SECS.EID of the enclave that a thread is inside; 0 for outside.</summary>
    public ulong EnclaveOf(int thread) => Find(thread) is { Processor: { EnclaveMode: true } inside } ? inside.Eid : 0;

    /// <summary>The TCS on which a thread is inside, or from which an asynchronous exit has put it where it stands; 0 for none.</summary>
    public ulong TcsOf(int thread) => Find(thread) is not { } found ? 0 : found.Processor.EnclaveMode ? found.Processor.Tcs.Value
        : found is { Stopped: true, JustExited: true } ? found.Peek().Rbx : 0;

    /// <summary>Reads a thread's registers.</summary>
    /// <param name="thread">Its id.</param>
    /// <param name="extended">Gets the extended state, in XSAVE's standard format.</param>
    /// <param name="registers">Gets the general registers: zeros where the thread waits in the kernel.</param>
    /// <returns>False when there is no such thread.</returns>
    public bool TryGetRegisters(int thread, Span<byte> extended, out UserRegisters registers)
    {
        registers = default;
        if (Find(thread) is not { } found)
        {
            return false;
        }

        registers = Registers.Read(found, extended);
        return true;
    }

    /// <summary>Writes a thread's general registers.</summary>
    /// <returns>False where they cannot be written.</returns>
    public bool SetRegisters(int thread, in UserRegisters registers) => Find(thread) is { } found && Registers.Write(found, registers);

    /// <summary>Writes a thread's extended state.</summary>
    /// <param name="thread">Its id.</param>
    /// <param name="extended">In XSAVE's standard format.</param>
    /// <returns>False where it cannot be written, or is none that XRSTOR takes.</returns>
    public bool SetExtendedState(int thread, ReadOnlySpan<byte> extended) => Find(thread) is { } found
        && ThreadRegisters.PlaceOf(found) is ThreadPlace.Outside or ThreadPlace.Inside && found.Restore(extended, ulong.MaxValue);

    /// <summary>Reads as many bytes as can be read from the start; returns their number.</summary>
    public int Read(ulong address, Span<byte> into)
    {
        int read = Memory.Read(address, into);
        _control.Settle();
        return read;
    }

    /// <summary>Reads the fields of a TCS.</summary>
    public bool TryReadTcs(ulong address, out Tcs tcs)
    {
        bool read = Memory.TryReadTcs(address, out tcs);
        _control.Settle();
        return read;
    }

    /// <summary>Writes. False when any byte cannot be written; those before it may be.</summary>
    public bool Write(ulong address, ReadOnlySpan<byte> from)
    {
        bool written = Memory.Write(address, from);
        _control.Settle();
        return written;
    }

    /// <summary>Sets a breakpoint. False where no code can be.</summary>
    public bool InsertBreakpoint(ulong address)
    {
        bool inserted = Memory.Insert(address);
        _control.Settle();
        return inserted;
    }

    /// <summary>Takes a breakpoint away; what is not there is no error.</summary>
    public void RemoveBreakpoint(ulong address) => Memory.Remove(address);

    /// <summary>Code in enclaves whose names are known: that it is executed is told no more. Of other code it is, as long as there is not
    /// much of it.</summary>
    /// <param name="ranges">First bytes, and behind the last ones.</param>
    public void KnowCode(IEnumerable<(ulong Start, ulong End)> ranges) => _control.KnownCode = [.. ranges];

    /// <summary>All its threads stand, which is told as an event.</summary>
    public void Interrupt() => _control.Interrupt();

    /// <summary>Threads run.</summary>
    /// <param name="order">What is wanted of a thread, by its id; null lets it stand.</param>
    /// <param name="runsAll">Whether threads that are made meanwhile run as well.</param>
    public void Resume(Func<int, ThreadOrder?> order, bool runsAll) => _control.Resume(order, runsAll);

    /// <summary>The debugger lets it go: it runs as if there had never been one.</summary>
    public void Detach() => _control.Detach();

    /// <summary>Ends it by SIGKILL.</summary>
    public void Kill() => _ = HostKernel.Kill(Id, Linux.Signal.SIGKILL);

    private TracedThread? Find(int thread) => Process.Threads.Find(one => one.Id == thread);
}
