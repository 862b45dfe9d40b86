namespace Cloister.Images;

/// <summary>What measuring found.</summary>
/// <param name="Mrenclave">32 bytes.</param>
/// <param name="Pages">Pages added.</param>
/// <param name="MeasuredChunks">Chunks of 256 bytes extended.</param>
/// <param name="HashedBytes">Bytes that went through SHA-256.</param>
public sealed record MeasureResult(ReadOnlyMemory<byte> Mrenclave, ulong Pages, ulong MeasuredChunks, ulong HashedBytes)
{
    /// <summary>64 hexadecimal digits.</summary>
    public string Text => Convert.ToHexStringLower(Mrenclave.Span);
}
