namespace Cloister.Driver;

/// <summary>Tells whether a signal waits for the thread on whose behalf the driver works.</summary>
internal interface ISignals
{
    /// <summary>signal_pending(current).</summary>
    bool SignalPending { get; }
}
