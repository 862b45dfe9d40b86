namespace Cloister.Host;

/// <summary>How a call is made.</summary>
public sealed record EnclaveCallOptions
{
    /// <summary>As by default: it waits for a thread for as long as that takes, has no ocalls and cannot be cancelled.</summary>
    public static EnclaveCallOptions Default { get; } = new();

    /// <summary>
    /// How long to wait for a thread when all are in use: <see cref="Timeout.InfiniteTimeSpan"/>, the default, <see cref="TimeSpan.Zero"/>
    /// for not at all, or up to <see cref="int.MaxValue"/> milliseconds. Then the call throws <see cref="EnclaveBusyException"/>.
    /// </summary>
    public TimeSpan WaitForThread { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>What the enclave may ask of the host. Only calls with buffers have ocalls.</summary>
    public OcallTable? Ocalls { get; init; }

    /// <summary>Decides what follows an exception inside; by default it ends the call with <see cref="EnclaveFaultException"/>.</summary>
    public ExitHandler? OnFault { get; init; }

    /// <summary>
    /// Ends the wait for a thread, and drives the thread out that is inside: see <see cref="EnclaveCallCanceledException"/>.
    /// </summary>
    public CancellationToken Cancellation { get; init; }
}
