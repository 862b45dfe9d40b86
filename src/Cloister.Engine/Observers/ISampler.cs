namespace Cloister.Engine.Observers;

/// <summary>Looks now and then at what threads are doing.</summary>
public interface ISampler
{
    /// <summary>How often in a second.</summary>
    int InSecond { get; }

    /// <summary>A thread was running, inside or outside, and stands for a moment to be looked at.</summary>
    void Sampled(IObservedThread thread);
}
