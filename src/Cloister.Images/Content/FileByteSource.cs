using Microsoft.Win32.SafeHandles;

namespace Cloister.Images;

// Small reads are served from one window, so that a reader that goes page by page costs a
// system call every 16 pages, and what it copies stays in the cache.
internal sealed class FileByteSource : ByteSource
{
    private const int WindowSize = 64 * 1024;

    private readonly SafeFileHandle handle;
    private readonly byte[] window = GC.AllocateUninitializedArray<byte>(WindowSize);
    private long windowStart;
    private int windowLength;

    public FileByteSource(string path)
    {
        handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.SequentialScan);
        Length = RandomAccess.GetLength(handle);
    }

    public override long Length { get; }

    protected override void ReadCore(long offset, Span<byte> destination)
    {
        if (destination.Length > WindowSize / 2)
        {
            Fill(offset, destination);
            return;
        }

        if (offset < windowStart || offset + destination.Length > windowStart + windowLength)
        {
            windowLength = 0;
            int length = (int)Math.Min(WindowSize, Length - offset);
            Fill(offset, window.AsSpan(0, length));
            (windowStart, windowLength) = (offset, length);
        }

        window.AsSpan((int)(offset - windowStart), destination.Length).CopyTo(destination);
    }

    protected override void Dispose(bool disposing)
    {
        handle.Dispose();
        base.Dispose(disposing);
    }

    private void Fill(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int count = RandomAccess.Read(handle, destination, offset);
            if (count == 0)
            {
                throw new ImageException("the file became shorter while it was read", offset);
            }

            destination = destination[count..];
            offset += count;
        }
    }
}
