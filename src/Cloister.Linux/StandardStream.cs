namespace Cloister.Linux;

/// <summary>
/// The output or the error stream of this process, written by write(2) alone. The framework's own tells a terminal to send other codes for
/// its keys (terminfo's keypad_xmit) and never takes that back, which the programs that are run, and the shell afterwards, would meet.
/// </summary>
public sealed unsafe class StandardStream : Stream
{
    private readonly int _descriptor;

    private StandardStream(int descriptor) => _descriptor = descriptor;

    /// <summary>The output stream.</summary>
    public static StandardStream Output { get; } = new(1);

    /// <summary>The error stream.</summary>
    public static StandardStream Error { get; } = new(2);

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>
    /// A standard stream that is closed would become the next file that is opened, and a message would be written into that. What stands in
    /// its place can be neither read nor written, as what is closed, and programs that are run do not get it: for them it is closed.
    /// </summary>
    public static void Fill()
    {
        const long getFlags = 1; // F_GETFD
        const int writeOnly = 1, closeOnExec = 0x80000;
        for (int descriptor = 0; descriptor <= 2; descriptor++)
        {
            // The lowest number that is free is taken, and this one is.
            if (NativeMethods.SystemCall(SystemCall.Fcntl, descriptor, getFlags, 0, 0, 0, 0) < 0)
            {
                _ = NativeMethods.Open("/dev/null", closeOnExec | (descriptor == 0 ? writeOnly : 0), 0);
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="StreamException">It cannot be written. A reader that has gone is none: it has read what it wanted.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        const long write = 1, poll = 7, writable = 4;
        while (!buffer.IsEmpty)
        {
            long written;
            fixed (byte* bytes = buffer)
            {
                written = NativeMethods.SystemCall(write, _descriptor, (long)bytes, buffer.Length, 0, 0, 0);
            }

            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }

            switch (NativeMethods.LastError)
            {
                case Errno.EINTR:
                    break;
                case Errno.EAGAIN:
                    // struct pollfd: a descriptor and two masks of 16 bits. poll(2).
                    long waiting = (uint)_descriptor | (writable << 32);
                    _ = NativeMethods.SystemCall(poll, (long)&waiting, 1, -1, 0, 0, 0);
                    break;
                case Errno.EPIPE:
                    return;
                case var errno:
                    throw new StreamException(errno);
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
