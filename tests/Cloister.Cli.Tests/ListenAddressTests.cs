namespace Cloister.Cli.Tests;

/// <summary><see cref="ListenAddress"/>.</summary>
public class ListenAddressTests
{
    [Theory]
    [InlineData("9464", "127.0.0.1:9464")]
    [InlineData("0", "127.0.0.1:0")]
    [InlineData("localhost:1", "127.0.0.1:1")]
    [InlineData("0.0.0.0:65535", "0.0.0.0:65535")]
    [InlineData("[::1]:9464", "[::1]:9464")]
    public void A_port_and_an_address_before_it(string text, string place) => Assert.Equal(place, $"{ListenAddress.Parse(text)}");

    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:")]
    [InlineData(":9464")]
    [InlineData("1:9464")]
    [InlineData("host:9464")]
    [InlineData("::1:9464")]
    [InlineData("[127.0.0.1]:9464")]
    [InlineData("9464 ")]
    [InlineData("65536")]
    [InlineData("-1")]
    public void Anything_else_is_refused(string text) => Assert.Null(ListenAddress.Parse(text));
}
