namespace Cloister.Engine.Memory;

/// <summary>Tells all who want to hear of pages, in the order in which they came.</summary>
internal sealed class PageObservers : IPageObserver
{
    private readonly List<IPageObserver> _all = [];

    /// <summary>One more.</summary>
    public void Add(IPageObserver observer) => _all.Add(observer);

    /// <inheritdoc/>
    public void Filled(EnclaveFile file, ulong address) => _all.ForEach(observer => observer.Filled(file, address));

    /// <inheritdoc/>
    public void Changed(EnclaveFile file, ulong offset)
    {
        foreach (IPageObserver observer in _all)
        {
            observer.Changed(file, offset);
        }
    }

    /// <inheritdoc/>
    public void Releasing(EnclaveFile file) => _all.ForEach(observer => observer.Releasing(file));
}
