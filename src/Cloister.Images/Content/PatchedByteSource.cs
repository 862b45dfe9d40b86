namespace Cloister.Images;

// What a loader sees after it has written patches into its private mapping of the file. Later patches win.
internal sealed class PatchedByteSource(ByteSource original, IReadOnlyList<(long Offset, ReadOnlyMemory<byte> Bytes)> patches) : ByteSource
{
    public override long Length => original.Length;

    protected override void ReadCore(long offset, Span<byte> destination)
    {
        original.Read(offset, destination);
        long end = offset + destination.Length;

        // By index: this runs for every page, and an enumerator would be an object each time.
        for (int i = 0; i < patches.Count; i++)
        {
            (long at, ReadOnlyMemory<byte> bytes) = patches[i];
            long from = Math.Max(at, offset);
            long to = Math.Min(at + bytes.Length, end);
            if (from < to)
            {
                bytes.Span[(int)(from - at)..(int)(to - at)].CopyTo(destination[(int)(from - offset)..]);
            }
        }
    }
}
