using System.Text;
using Cloister.Cli.Debugging;

namespace Cloister.Cli.Tests.Debugging;

/// <summary><see cref="RemotePackets"/>: frames, checksums, escapes, what is damaged.</summary>
public class RemotePacketsTests
{
    private static async Task<(RemoteMessage Message, string Said)> Read(string sent, bool acknowledges = true)
    {
        using var stream = new TwoWayStream(Encoding.Latin1.GetBytes(sent));
        var packets = new RemotePackets(stream) { Acknowledges = acknowledges };
        return (await packets.Read(default), Encoding.Latin1.GetString(stream.Written));
    }

    [Theory]
    [InlineData("$OK#9a", "OK")]
    [InlineData("+$m1000,4#8e", "m1000,4")]
    [InlineData("noise$OK#9A", "OK")]
    [InlineData("$X}\x03#d8", "X#")]
    public async Task A_packet_is_taken_and_acknowledged(string sent, string packet)
    {
        (RemoteMessage message, string said) = await Read(sent);
        Assert.Equal(RemoteMessageKind.Packet, message.Kind);
        Assert.Equal(packet, Encoding.Latin1.GetString(message.Packet));
        Assert.Equal("+", said);
    }

    [Fact]
    public async Task Nothing_is_acknowledged_when_that_is_off() => Assert.Equal("", (await Read("$OK#9a", acknowledges: false)).Said);

    [Theory]
    [InlineData("$OK#00$OK#9a", "-+")]
    [InlineData("$OK#zz$OK#9a", "-+")]
    public async Task A_damaged_one_is_asked_for_again(string sent, string acknowledgements)
    {
        (RemoteMessage message, string said) = await Read(sent);
        Assert.Equal("OK", Encoding.Latin1.GetString(message.Packet));
        Assert.Equal(acknowledgements, said);
    }

    [Fact]
    public async Task One_that_is_too_long_is_none()
    {
        var body = new string('0', RemotePackets.Longest + 1);
        int sum = body.Sum(c => c) & 0xff;
        Assert.Equal("OK", Encoding.Latin1.GetString((await Read($"${body}#{sum:x2}$OK#9a")).Message.Packet));
    }

    [Fact]
    public async Task A_break_is_an_interrupt() => Assert.Equal(RemoteMessageKind.Interrupt, (await Read("\x03")).Message.Kind);

    [Theory]
    [InlineData("")]
    [InlineData("$OK")]
    [InlineData("$OK#")]
    [InlineData("$OK#9")]
    public async Task The_end_is_the_end(string sent) => Assert.Equal(RemoteMessageKind.Closed, (await Read(sent)).Message.Kind);

    [Theory]
    [InlineData("OK", "$OK#9a")]
    [InlineData("", "$#00")]
    [InlineData("a#b", "$a}\x03" + "b#43")]
    public void What_is_sent_is_framed(string packet, string framed) =>
        Assert.Equal(framed, Encoding.Latin1.GetString(RemotePackets.Framed(Encoding.Latin1.GetBytes(packet))));

    [Fact]
    public async Task All_bytes_come_back()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        Assert.Equal(all, (await Read(Encoding.Latin1.GetString(RemotePackets.Framed(all)))).Message.Packet);
    }

    [Fact]
    public async Task Noise_of_any_kind_ends()
    {
        var random = new Random(1);
        for (int i = 0; i < 2000; i++)
        {
            byte[] noise = new byte[random.Next(64)];
            random.NextBytes(noise);
            noise = [.. noise.Select(value => random.Next(4) == 0 ? (byte)"$#}*\x03+-"[value % 7] : value)];
            using var stream = new TwoWayStream(noise);
            var packets = new RemotePackets(stream);
            int messages = 0;
            while ((await packets.Read(default)).Kind != RemoteMessageKind.Closed)
            {
                Assert.True(++messages <= noise.Length);
            }
        }
    }

    private sealed class TwoWayStream(byte[] sent) : MemoryStream(sent, writable: false)
    {
        private readonly MemoryStream _written = new();

        public byte[] Written => _written.ToArray();

        public override bool CanWrite => true;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            _written.WriteAsync(buffer, cancellationToken);
    }
}
