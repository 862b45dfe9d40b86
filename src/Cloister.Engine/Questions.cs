namespace Cloister.Engine;

/// <summary>What other threads want to know of the machine: the tracer's thread looks, between two events, and nobody else.</summary>
internal sealed class Questions
{
    // A question that nobody takes back stays until the tracer looks, which a program may keep it from.
    private const int MostWaiting = 64;

    private readonly Lock _lock = new();
    private readonly List<Action<bool>> _waiting = [];
    private int _any;
    private volatile bool _isOver;

    /// <summary>Whether there is one.</summary>
    public bool Any => Volatile.Read(ref _any) != 0;

    /// <summary>Whether nobody answers any more.</summary>
    public bool AreOver => _isOver;

    /// <summary>Puts one. May be called by any thread.</summary>
    /// <returns>The answer; cancelled when it was taken back, or the run ended, or too many wait.</returns>
    public Task<T> Ask<T>(Func<T> question, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Answer(bool over)
        {
            if (over || cancellation.IsCancellationRequested)
            {
                _ = answer.TrySetCanceled(cancellation);
                return;
            }

            try
            {
                _ = answer.TrySetResult(question());
            }
#pragma warning disable CA1031 // Whatever goes wrong with a look is told to who looked: the program runs on.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _ = answer.TrySetException(e);
            }
        }

        lock (_lock)
        {
            if (_isOver || _waiting.Count >= MostWaiting)
            {
                return Task.FromCanceled<T>(new CancellationToken(canceled: true));
            }

            _waiting.Add(Answer);
            Volatile.Write(ref _any, 1);
        }

        CancellationTokenRegistration registration = cancellation.Register(() =>
        {
            lock (_lock)
            {
                _ = _waiting.Remove(Answer);
            }

            _ = answer.TrySetCanceled(cancellation);
        });
        _ = answer.Task.ContinueWith(
            _ => registration.Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return answer.Task;
    }

    /// <summary>Answers all that wait.</summary>
    public void Answer() => Take(over: false).ForEach(one => one(false));

    /// <summary>The run has ended: nobody answers any more.</summary>
    public void End() => Take(over: true).ForEach(one => one(true));

    private List<Action<bool>> Take(bool over)
    {
        lock (_lock)
        {
            List<Action<bool>> taken = [.. _waiting];
            _waiting.Clear();
            Volatile.Write(ref _any, 0);
            _isOver |= over;
            return taken;
        }
    }
}
