using Cloister.Attestation.Quotes;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Attestation.Tests.Quotes;

/// <summary>A quote that is cut or damaged is one error, or a quote that does not verify.</summary>
public class QuoteTests
{
    private static readonly World s_world = new();
    private static readonly byte[] s_quote = s_world.Quote();

    [Fact]
    public void A_quote_that_is_cut_at_any_byte_is_one_error() =>
        Assert.All(Enumerable.Range(0, s_quote.Length),
            length => Assert.Throws<AttestationException>(() => Quote.Parse(s_quote.AsMemory(0, length))));

    [Fact]
    public void Padding_does_not_count() =>
        Assert.Equal(s_quote.Length,
            Quote.Parse(new byte[8192].Select((_, i) => i < s_quote.Length ? s_quote[i] : (byte)0).ToArray()).Length);

    [Fact]
    public void Any_bytes_are_an_error_or_a_quote() => Prop.ForAll<byte[]>(bytes =>
    {
        byte[] quote = [3, 0, 2, 0, .. bytes];
        try
        {
            _ = Quote.Parse(quote);
        }
        catch (AttestationException)
        {
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    [Fact]
    public void A_damaged_quote_does_not_verify() => Prop.ForAll<NonNegativeInt, byte>((at, value) =>
    {
        byte[] damaged = [.. s_quote];
        int place = at.Get % damaged.Length;
        bool same = damaged[place] == value;
        damaged[place] = value;
        try
        {
            // The lines' ends in PEM, and the zero behind it, are not part of what is signed, nor are header fields of the unsigned part.
            bool holds = s_world.Verify(damaged).Holds;
            Assert.True(same || !holds || place >= 1052, $"byte {place} = {value}");
        }
        catch (AttestationException)
        {
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    [Fact]
    public void Version_4_is_read()
    {
        Quote old = Quote.Parse(s_quote);
        byte[] header = new byte[48];
        (header[0], header[2]) = (4, 2);
        byte[] inner = s_quote[564..];
        byte[] signatures = [.. s_quote[436..564], 6, 0, .. BitConverter.GetBytes(inner.Length), .. inner];
        Quote read = Quote.Parse((byte[])[.. header, .. s_quote[48..432], .. BitConverter.GetBytes(signatures.Length), .. signatures]);
        Assert.Equal((4, 2, 0u, 5), (read.Version, read.KeyType, read.Tee, read.CertificationType));
        Assert.Equal(old.Body.ToArray(), read.Body.ToArray());
        Assert.Equal(old.Certification.ToArray(), read.Certification.ToArray());

        // A trust domain's body is longer.
        header[4] = 0x81;
        Assert.Equal(584,
            Quote.Parse((byte[])[.. header, .. new byte[584], .. BitConverter.GetBytes(signatures.Length), .. signatures]).Body.Length);
        header[0] = 5;
        Assert.Throws<AttestationException>(() => Quote.Parse((byte[])[.. header, .. s_quote[48..]]));
    }
}
