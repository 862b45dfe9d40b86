using Cloister.Processor;

namespace Cloister.Benchmarks;

/// <summary>A thread whose extended state is nothing.</summary>
internal sealed class NoExtendedState : IExtendedState
{
    /// <inheritdoc/>
    public void Save(Span<byte> xsaveArea, ulong xfrm)
    {
    }

    /// <inheritdoc/>
    public void Initialize(ulong xfrm)
    {
    }

    /// <inheritdoc/>
    public bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm) => true;
}
