namespace Cloister.Engine.Programs;

/// <summary>What a part of the engine keeps of each thread that it has met.</summary>
internal sealed class PerThread<T>
    where T : class, new()
{
    private readonly Dictionary<TracedThread, T> _of = [];

    /// <summary>What is kept of a thread, made when it is asked for first.</summary>
    public T Of(TracedThread thread)
    {
        if (!_of.TryGetValue(thread, out T? kept))
        {
            _of.Add(thread, kept = new T());
        }

        return kept;
    }

    /// <summary>What is kept of a thread, if anything is.</summary>
    public T? Find(TracedThread thread) => _of.GetValueOrDefault(thread);

    /// <summary>A thread has ended.</summary>
    public void Forget(TracedThread thread) => _of.Remove(thread);
}
