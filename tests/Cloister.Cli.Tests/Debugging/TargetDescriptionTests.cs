using System.Buffers.Binary;
using System.Xml.Linq;
using Cloister.Cli.Debugging;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Debugging;

/// <summary><see cref="TargetDescription"/>, <see cref="RemoteSignal"/> and <see cref="RemoteText"/>.</summary>
public class TargetDescriptionTests
{
    private readonly byte[] _extended = new byte[1024];
    private UserRegisters _general;

    private static RemoteRegister Register(string name) => TargetDescription.Registers.Single(register => register.Name == name);

    private string Read(string name) => TargetDescription.Read(Register(name), _general, _extended);

    [Fact]
    public void The_description_numbers_all_registers_in_order()
    {
        XElement[] registers = [
            .. XDocument.Parse(TargetDescription.Xml.Replace("<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n", "", StringComparison.Ordinal))
                .Descendants("reg")];
        Assert.Equal(Enumerable.Range(0, TargetDescription.Registers.Count)
            .Select(number => number.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            registers.Select(register => register.Attribute("regnum")!.Value));
        Assert.Equal(TargetDescription.Registers.Select(register => register.Name),
            registers.Select(register => register.Attribute("name")!.Value));
        Assert.Equal("rip", TargetDescription.Registers[16].Name);
    }

    [Fact]
    public void General_registers_are_little_endian()
    {
        (_general.Rip, _general.Rflags, _general.FsBase) = (0x1122334455667788, 0x246, 0x7f00);
        Assert.Equal("8877665544332211", Read("rip"));
        Assert.Equal("46020000", Read("eflags"));
        Assert.Equal("007f000000000000", Read("fs_base"));
    }

    [Fact]
    public void What_is_in_its_initial_configuration_reads_so()
    {
        _extended.AsSpan(0, 512).Fill(0xee);
        _extended.AsSpan(576).Fill(0xee);
        Assert.Equal("7f030000", Read("fctrl"));
        Assert.Equal("ffff0000", Read("ftag"));
        Assert.Equal("801f0000", Read("mxcsr"));
        Assert.Equal(new string('0', 32), Read("xmm3"));
        Assert.Equal(new string('0', 20), Read("st0"));
        Assert.Equal(new string('0', 32), Read("ymm3h"));
    }

    [Theory]
    [InlineData("rax", "0102030405060708")]
    [InlineData("eflags", "02020000")]
    [InlineData("xmm15", "000102030405060708090a0b0c0d0e0f")]
    [InlineData("ymm0h", "ffeeddccbbaa99887766554433221100")]
    [InlineData("st7", "0102030405060708090a")]
    [InlineData("fctrl", "7f020000")]
    [InlineData("ftag", "fcff0000")]
    [InlineData("mxcsr", "a01f0000")]
    public void What_is_written_reads_back_and_nothing_else_changes(string name, string digits)
    {
        string[] others = [.. TargetDescription.Registers.Where(register => register.Name != name).Select(register => Read(register.Name))];
        Assert.True(TargetDescription.Write(Register(name), Convert.FromHexString(digits), ref _general, _extended));
        Assert.Equal(digits, Read(name));
        Assert.Equal(others, TargetDescription.Registers.Where(register => register.Name != name).Select(register => Read(register.Name)));
    }

    [Fact]
    public void Another_length_is_not_written() =>
        Assert.False(TargetDescription.Write(Register("rax"), [1, 2, 3], ref _general, _extended));

    [Fact]
    public void A_component_that_is_written_is_in_use()
    {
        Assert.True(TargetDescription.Write(Register("xmm0"), new byte[16], ref _general, _extended));
        Assert.Equal(2UL, BinaryPrimitives.ReadUInt64LittleEndian(_extended.AsSpan(512)));
    }

    [Fact]
    public void Signals_come_back()
    {
        foreach (int signal in Enumerable.Range(1, 64).Where(signal => RemoteSignal.Of(signal) != 143))
        {
            Assert.Equal(signal, RemoteSignal.ToLinux(RemoteSignal.Of(signal)));
        }

        Assert.Equal((11, 10, 30, 20),
            (RemoteSignal.Of(Signal.SIGSEGV), RemoteSignal.Of(Signal.SIGBUS), RemoteSignal.Of(Signal.SIGUSR1), RemoteSignal.Of(17)));
        Assert.Equal(0, RemoteSignal.ToLinux(200));
    }

    [Theory]
    [InlineData("1f", 31)]
    [InlineData("-1", -1)]
    [InlineData("p10.2a", 42)]
    [InlineData("p10.-1", -1)]
    [InlineData("p10", -1)]
    [InlineData("x", null)]
    [InlineData("ffffffffff", null)]
    public void Threads_are_read(string text, int? thread) => Assert.Equal(thread, RemoteText.Thread(text));
}
