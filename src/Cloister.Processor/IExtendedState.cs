namespace Cloister.Processor;

/// <summary>The extended state (x87, SSE, AVX, ...) of one thread, in the standard (not compacted) XSAVE format.</summary>
public interface IExtendedState
{
    /// <summary>XSAVE: stores the components in <paramref name="xfrm"/>.</summary>
    /// <param name="xsaveArea">As long as the components need; see <see cref="XsaveLayout.SizeOf"/>.</param>
    /// <param name="xfrm">Which components.</param>
    void Save(Span<byte> xsaveArea, ulong xfrm);

    /// <summary>Puts the components in <paramref name="xfrm"/> into their initial state.</summary>
    void Initialize(ulong xfrm);

    /// <summary>XRSTOR: loads the components in <paramref name="xfrm"/>.</summary>
    /// <returns>False when XRSTOR would raise #GP; then nothing was loaded.</returns>
    bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm);
}
