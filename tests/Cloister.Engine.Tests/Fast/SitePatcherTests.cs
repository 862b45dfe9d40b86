using System.Globalization;
using Cloister.Engine.Fast;

namespace Cloister.Engine.Tests.Fast;

public class SitePatcherTests
{
    // '*' is where the three bytes of ENCLU begin; what is found is counted from there.
    [Theory]
    [InlineData("* 0f 01 d7 c3 cc cc cc cc cc", 4)] // int3 behind a return
    [InlineData("* 0f 01 d7 5b 5d c3 00 00 00 00 00", 6)] // zeros
    [InlineData("* 0f 01 d7 c3 0f 1f 44 00 00", 4)] // a nop of five bytes
    [InlineData("* 0f 01 d7 c3 66 90 0f 1f 00", 4)] // two nops
    [InlineData("* 0f 01 d7 eb fe 90 90 90 90 90", 5)] // behind a jump
    [InlineData("* 0f 01 d7 ff e0 cc cc cc cc cc", 5)] // behind an indirect jump
    [InlineData("* 0f 01 d7 0f 0b cc cc cc cc cc", 5)] // behind UD2
    [InlineData("* 0f 01 d7 c3 cc cc cc cc", null)] // four bytes are too few
    [InlineData("* 0f 01 d7 c3 cc cc cc cc 55 c3 cc cc cc cc cc", 10)] // the next function's
    [InlineData("* 0f 01 d7 90 90 90 90 90 90 90", null)] // nops that are executed
    [InlineData("* 0f 01 d7 75 00 0f 1f 44 00 00 c3", null)] // behind a branch that may fall through
    [InlineData("* 0f 01 d7 06 c3 cc cc cc cc cc", null)] // what is no instruction ends the search
    [InlineData("* 0f 01 d7 b8 c3 cc cc cc cc cc cc", null)] // a return inside an immediate
    public void Forward(string text, int? cave) => Assert.Equal(cave, Find(text, 0x1000));

    // Behind a return and up to an address of 8; the code begins at 0x1000.
    [Theory]
    [InlineData("90 90 c3 0f 1f 44 00 00 * 0f 01 d7 90 90", -5)]
    [InlineData("c3 cc cc cc cc cc cc cc 55 53 * 0f 01 d7 90 90", -9)]
    [InlineData("c3 90 90 90 90 90 55 53 * 0f 01 d7 90 90", null)] // ends at no alignment: perhaps an instruction's bytes
    [InlineData("90 90 90 c3 cc cc cc cc 55 53 * 0f 01 d7 90", null)] // four bytes
    [InlineData("90 90 90 0f 1f 44 00 00 * 0f 01 d7 90", null)] // behind no return: executed
    public void Backward(string text, int? cave) => Assert.Equal(cave, Find(text, 0x1000));

    [Fact]
    public void Forward_is_preferred() =>
        Assert.Equal(4, Find("90 90 c3 0f 1f 44 00 00 * 0f 01 d7 c3 cc cc cc cc cc", 0x1000));

    [Fact]
    public void A_short_jump_reaches127_bytes()
    {
        static string Ahead(int between) => "* 0f 01 d7 " + string.Concat(Enumerable.Repeat("90 ", between)) + "c3 cc cc cc cc cc";

        // From behind the two bytes of the jump to the padding.
        Assert.Equal(129, Find(Ahead(125), 0x1000));
        Assert.Null(Find(Ahead(126), 0x1000));

        // Back: 128 from behind the jump, which stands at 0x1000 + 8 + between.
        static string Behind(int between) => "90 90 c3 cc cc cc cc cc " + string.Concat(Enumerable.Repeat("55 ", between))
            + "* 0f 01 d7 90";
        Assert.Equal(-126, Find(Behind(121), 0x1000));
        Assert.Null(Find(Behind(122), 0x1000));
    }

    [Fact]
    public void What_cannot_be_read_is_not_used()
    {
        byte[] code = Parse("90 90 c3 0f 1f 44 00 00 0f 01 d7 90 90");
        Assert.Equal(3, SitePatcher.FindCave(code, 0, 8, 0x1000));
        Assert.Equal(3, SitePatcher.FindCave(code, 2, 8, 0x1000));
        Assert.Null(SitePatcher.FindCave(code, 3, 8, 0x1000));
    }

    private static int? Find(string text, ulong address)
    {
        int site = text.Split('*')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
        return SitePatcher.FindCave(Parse(text.Replace("*", "")), 0, site, address) - site;
    }

    private static byte[] Parse(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(b => byte.Parse(b, NumberStyles.HexNumber))];
}
