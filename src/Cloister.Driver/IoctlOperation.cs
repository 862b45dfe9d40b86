namespace Cloister.Driver;

/// <summary>
/// One ioctl under way. A call on many pages does a few of them in each <see cref="Continue"/>, so that other threads
/// and programs are served in between; the calling thread stays stopped until it is done.
/// </summary>
public abstract class IoctlOperation : IDisposable
{
    /// <summary>Whether the call is finished and <see cref="Result"/> says how.</summary>
    public bool IsDone { get; private set; }

    /// <summary>What the system call returns: 0 or a count, or a negated <see cref="DriverError"/>. Valid when done.</summary>
    public long Result { get; private set; }

    /// <summary>Whether the thread ended before the call did: the program never got <see cref="Result"/>.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>What to do when the call is done.</summary>
    internal Action<IoctlOperation>? Ended { get; set; }

    /// <summary>Whether a signal was reported by <see cref="Interrupt"/>.</summary>
    protected bool Interrupted { get; private set; }

    /// <summary>Goes on with the call.</summary>
    /// <param name="pageBudget">Enclave pages to handle at most before it returns, at least 1.</param>
    /// <returns>True when the call is done.</returns>
    public bool Continue(int pageBudget)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageBudget, 1);
        if (!IsDone && Advance(pageBudget) is { } result)
        {
            Complete(result);
        }

        return IsDone;
    }

    /// <summary>
    /// A signal waits for the calling thread. What it changes is the kernel's choice: ADD_PAGES stops before its next
    /// page, as does an allocation that would reclaim; the calls on an initialised enclave run to their end (Linux
    /// 6.12 asks signal_pending nowhere in them). <see cref="Continue"/> finishes the call.
    /// </summary>
    public void Interrupt() => Interrupted = true;

    /// <summary>Abandons the call: its thread was killed. Pages already done stay done, nothing is copied back.</summary>
    public void Dispose()
    {
        if (!IsDone)
        {
            IsAbandoned = true;
            Complete(-(long)DriverError.EINTR);
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Handles up to <paramref name="pageBudget"/> pages.</summary>
    /// <param name="pageBudget">At least 1.</param>
    /// <returns>The result when the call is finished, null when there is more to do.</returns>
    protected abstract long? Advance(int pageBudget);

    /// <summary>Called once when the call finishes or is abandoned.</summary>
    protected virtual void OnDone()
    {
    }

    private void Complete(long result)
    {
        Result = result;
        IsDone = true;
        OnDone();
        Ended?.Invoke(this);
    }
}
