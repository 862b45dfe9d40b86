namespace Cloister.Images;

// A file inside a file. The outer one owns the handle.
internal sealed class SlicedByteSource : ByteSource
{
    private readonly ByteSource outer;
    private readonly long start;

    public SlicedByteSource(ByteSource outer, ulong start, ulong length)
    {
        if (!outer.Contains(start, length))
        {
            throw new ImageException($"0x{length:x} bytes of an inner file reach past the end of the file",
                (long)Math.Min(start, long.MaxValue));
        }

        this.outer = outer;
        this.start = (long)start;
        Length = (long)length;
    }

    public override long Length { get; }

    protected override void ReadCore(long offset, Span<byte> destination) => outer.Read(start + offset, destination);
}
