using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Harness;

/// <summary>
/// A thread that nobody holds: its registers are what a test sets, its memory is this process's, its calls are what a test says.
/// </summary>
internal sealed class TestThread(int id, HeldProcess process) : IHeldThread
{
    private UserRegisters _registers;

    /// <inheritdoc/>
    public int Id { get; } = id;

    /// <inheritdoc/>
    public HeldProcess Process { get; } = process;

    /// <inheritdoc/>
    public bool Stopped { get; set; } = true;

    /// <inheritdoc/>
    public bool HasParkedStop { get; set; }

    /// <inheritdoc/>
    public bool AtSystemCall { get; set; }

    /// <inheritdoc/>
    public bool AwaitsVfork { get; set; }

    /// <inheritdoc/>
    public bool WasMoved { get; set; }

    /// <inheritdoc/>
    public bool HasX87Exception { get; set; }

    /// <summary>The signal at which it stands.</summary>
    public SignalInformation Signal { get; set; }

    /// <summary>What is to be done at the end of its system call.</summary>
    public Action? AtCallEnd { get; set; }

    /// <summary>Where it makes no system calls, as it was told.</summary>
    public Func<ulong> RefusesCallsBy { get; set; } = () => 0;

    /// <summary>The calls that were made in it, in order.</summary>
    public List<RemoteCall> Calls { get; } = [];

    /// <summary>Answers them, where it does not say null.</summary>
    public Func<RemoteCall, long?>? OnCall { get; set; }

    /// <summary>Makes them in this process; null makes none.</summary>
    public TestKernel? OwnKernel { get; set; }

    /// <summary>It is killed at the next call.</summary>
    public bool DiesAtCall { get; set; }

    /// <inheritdoc/>
    public ref UserRegisters Registers => ref _registers;

    /// <inheritdoc/>
    public ref readonly UserRegisters Peek() => ref _registers;

    /// <inheritdoc/>
    public Errno GetSignal(out SignalInformation information)
    {
        information = Signal;
        return Errno.None;
    }

    /// <inheritdoc/>
    public ulong TakeInitialization() => 0;

    /// <inheritdoc/>
    public long[] Make(RemoteCalls calls)
    {
        if (DiesAtCall)
        {
            throw new ThreadEndedException(Id);
        }

        Calls.AddRange(calls.All);
        return OwnKernel is { } kernel ? kernel.Make(Process.Memory, calls, OnCall)
            : [.. calls.All.Select(call => OnCall?.Invoke(call) ?? 0)];
    }

    /// <inheritdoc/>
    public void Save(Span<byte> xsaveArea, ulong xfrm) => xsaveArea.Clear();

    /// <inheritdoc/>
    public void Initialize(ulong xfrm)
    {
    }

    /// <inheritdoc/>
    public bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm) => true;
}
