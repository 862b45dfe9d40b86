namespace Cloister.Cli.Debugging;

/// <summary>The packets of gdb's remote serial protocol over a stream. gdb manual, "Overview" of the remote protocol.</summary>
internal sealed class RemotePackets(Stream stream)
{
    /// <summary>The longest packet that is taken, in bytes.</summary>
    public const int Longest = 0x20000;

    private const byte Begin = (byte)'$', End = (byte)'#', Escape = (byte)'}', Repeat = (byte)'*', Break = 3;
    private readonly byte[] _buffer = new byte[16384];
    private readonly List<byte> _packet = [];
    private byte[] _last = [];
    private int _at, _length;

    /// <summary>Whether each packet is acknowledged; gdb turns it off.</summary>
    public bool Acknowledges { get; set; } = true;

    /// <summary>Takes what comes next.</summary>
    public async Task<RemoteMessage> Read(CancellationToken cancellation)
    {
        while (true)
        {
            switch (await Next(cancellation).ConfigureAwait(false))
            {
                case < 0:
                    return new RemoteMessage(RemoteMessageKind.Closed, []);
                case Break:
                    return new RemoteMessage(RemoteMessageKind.Interrupt, []);
                case '-' when Acknowledges:
                    await stream.WriteAsync(_last, cancellation).ConfigureAwait(false);
                    break;
                case Begin:
                    if (await Packet(cancellation).ConfigureAwait(false) is { } packet)
                    {
                        return new RemoteMessage(RemoteMessageKind.Packet, packet);
                    }

                    break;
            }
        }
    }

    /// <summary>Sends a packet.</summary>
    public async Task Write(ReadOnlyMemory<byte> packet, CancellationToken cancellation)
    {
        _last = Framed(packet.Span);
        await stream.WriteAsync(_last, cancellation).ConfigureAwait(false);
        await stream.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>A packet as it is sent: escaped, with its checksum.</summary>
    public static byte[] Framed(ReadOnlySpan<byte> packet)
    {
        var framed = new List<byte>(packet.Length + 4) { Begin };
        byte sum = 0;
        foreach (byte one in packet)
        {
            if (one is Begin or End or Escape or Repeat)
            {
                byte covered = (byte)(one ^ 0x20);
                framed.Add(Escape);
                framed.Add(covered);
                sum += (byte)(Escape + covered);
            }
            else
            {
                framed.Add(one);
                sum += one;
            }
        }

        framed.Add(End);
        framed.Add(Digit(sum >> 4));
        framed.Add(Digit(sum & 15));
        return [.. framed];
    }

    private static byte Digit(int value) => (byte)"0123456789abcdef"[value];

    // Null for a packet that is damaged or too long, which is asked for once more where that can be.
    private async Task<byte[]?> Packet(CancellationToken cancellation)
    {
        _packet.Clear();
        byte sum = 0;
        bool isEscaped = false;
        while (true)
        {
            int next = await Next(cancellation).ConfigureAwait(false);
            if (next < 0)
            {
                return null;
            }

            if (next == End)
            {
                break;
            }

            sum += (byte)next;
            if (next == Escape && !isEscaped)
            {
                isEscaped = true;
            }
            else if (_packet.Count <= Longest)
            {
                _packet.Add((byte)(isEscaped ? next ^ 0x20 : next));
                isEscaped = false;
            }
        }

        int high = Value(await Next(cancellation).ConfigureAwait(false)), low = Value(await Next(cancellation).ConfigureAwait(false));
        bool isGood = high >= 0 && low >= 0 && (high << 4 | low) == sum && _packet.Count <= Longest;
        if (Acknowledges)
        {
            await stream.WriteAsync(isGood ? "+"u8.ToArray() : "-"u8.ToArray(), cancellation).ConfigureAwait(false);
        }

        return isGood ? [.. _packet] : null;
    }

    private static int Value(int digit) => digit is >= '0' and <= '9' ? digit - '0' : digit is >= 'a' and <= 'f' ? digit - 'a' + 10
        : digit is >= 'A' and <= 'F' ? digit - 'A' + 10 : -1;

    private async Task<int> Next(CancellationToken cancellation)
    {
        if (_at == _length)
        {
            try
            {
                (_at, _length) = (0, await stream.ReadAsync(_buffer, cancellation).ConfigureAwait(false));
            }
            catch (IOException)
            {
                _length = 0;
            }

            if (_length == 0)
            {
                return -1;
            }
        }

        return _buffer[_at++];
    }
}
