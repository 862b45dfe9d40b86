namespace Cloister.Processor;

/// <summary>Counts the occasions of something that is to happen by order.</summary>
/// <param name="first">The first occasion, from 1.</param>
/// <param name="last">The last one.</param>
public sealed class Occasions(long first, long last)
{
    private long _count;

    /// <summary>Whether there are more to come.</summary>
    public bool AreLeft => _count < last;

    /// <summary>One comes.</summary>
    /// <returns>Whether it is one of those.</returns>
    public bool Occur() => AreLeft && ++_count >= first;
}
