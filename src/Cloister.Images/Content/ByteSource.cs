using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Cloister.Images;

/// <summary>The bytes of a file, read in place: nothing is loaded that is not asked for.</summary>
public abstract class ByteSource : IDisposable
{
    /// <summary>How many bytes there are.</summary>
    public abstract long Length { get; }

    /// <summary>A file's bytes. It stays open until disposed.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static ByteSource OpenFile(string path) => new FileByteSource(path);

    /// <summary>Bytes in memory.</summary>
    public static ByteSource FromBytes(ReadOnlyMemory<byte> bytes) => new MemoryByteSource(bytes);

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>.</summary>
    /// <exception cref="ImageException">The file ends before.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (!Contains(offset, destination.Length))
        {
            throw new ImageException($"the file ends at 0x{Length:x}, 0x{destination.Length:x} bytes are expected", offset);
        }

        ReadCore(offset, destination);
    }

    /// <summary>Bytes from <paramref name="offset"/>.</summary>
    /// <exception cref="ImageException">The file ends before, which is found before anything is allocated.</exception>
    public byte[] ReadBytes(long offset, int count)
    {
        if (!Contains(offset, count))
        {
            throw new ImageException($"the file ends at 0x{Length:x}, 0x{count:x} bytes are expected", offset);
        }

        byte[] bytes = new byte[count];
        ReadCore(offset, bytes);
        return bytes;
    }

    /// <summary>A structure of fixed layout, little-endian.</summary>
    /// <exception cref="ImageException">The file ends before.</exception>
    public T Read<T>(long offset)
        where T : unmanaged
    {
        T value = default;
        Read(offset, MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    /// <summary>Text up to a zero byte, at most <paramref name="maximum"/> bytes of it; unprintable bytes become '?'.</summary>
    public string ReadText(long offset, int maximum = 256)
    {
        if (offset < 0 || offset >= Length)
        {
            throw new ImageException("a name lies outside the file", offset);
        }

        byte[] bytes = ReadBytes(offset, (int)Math.Min(maximum, Length - offset));
        int end = Array.IndexOf(bytes, (byte)0);
        Span<byte> text = bytes.AsSpan(0, end < 0 ? bytes.Length : end);
        foreach (ref byte b in text)
        {
            b = b is < 0x20 or > 0x7e ? (byte)'?' : b;
        }

        return Encoding.ASCII.GetString(text);
    }

    /// <summary>Whether the bytes from <paramref name="offset"/> on are all there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(long offset, long count) => offset >= 0 && count >= 0 && offset <= Length && count <= Length - offset;

    /// <summary>Whether the bytes from <paramref name="offset"/> on are all there.</summary>
    public bool Contains(ulong offset, ulong count) => offset <= (ulong)Length && count <= (ulong)Length - offset;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Reads a range that is known to exist.</summary>
    protected abstract void ReadCore(long offset, Span<byte> destination);

    /// <summary>Lets go of the file.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
