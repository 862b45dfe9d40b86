namespace Cloister.Host.Tests;

public class MrenclaveTests
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0xf0, 16).Concat(Enumerable.Range(0, 16)).Select(i => (byte)i)];

    [Fact]
    public void Its_text_is_64_digits_that_can_be_read_again()
    {
        var one = new Mrenclave(Bytes);
        const string text = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";
        Assert.Equal(text, one.ToString());
        Assert.Equal(text, $"{one}");
        Assert.Equal(one, Mrenclave.Parse(text));
        Assert.Equal(one, Mrenclave.Parse(text.ToUpperInvariant()));
        Assert.Equal(Bytes, one.ToArray());
        Assert.Equal(Bytes, one.Span.ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("f0")]
    [InlineData("g0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f")]
    [InlineData("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f00")]
    [InlineData(" f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f")]
    public void Other_text_is_none(string text)
    {
        Assert.False(Mrenclave.TryParse(text, out Mrenclave none));
        Assert.Equal(default, none);
        Assert.Contains("64 hexadecimal digits", Assert.Throws<FormatException>(() => Mrenclave.Parse(text)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Null_and_other_lengths_are_none()
    {
        Assert.False(Mrenclave.TryParse(null, out _));
        _ = Assert.Throws<ArgumentException>(() => new Mrenclave(new byte[31]));
        _ = Assert.Throws<ArgumentException>(() => new Mrenclave(new byte[33]));
    }

    [Fact]
    public void Equal_bytes_are_equal()
    {
        var one = new Mrenclave(Bytes);
        byte[] changed = [.. Bytes];
        changed[31] ^= 1;
        var other = new Mrenclave(changed);
        Assert.True(one == new Mrenclave(Bytes));
        Assert.True(one != other);
        Assert.False(one.Equals((object)other));
        Assert.Equal(one.GetHashCode(), new Mrenclave(Bytes).GetHashCode());
        Assert.Equal(new string('0', 64), default(Mrenclave).ToString());
    }
}
