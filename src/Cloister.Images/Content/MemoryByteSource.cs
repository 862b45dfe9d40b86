namespace Cloister.Images;

internal sealed class MemoryByteSource(ReadOnlyMemory<byte> bytes) : ByteSource
{
    public override long Length => bytes.Length;

    protected override void ReadCore(long offset, Span<byte> destination)
        => bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
}
