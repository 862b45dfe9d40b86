using Cloister.Architecture;
using Cloister.Cli.Reporting;

namespace Cloister.Cli.Tests.Reporting;

/// <summary>What a trace says of a page is read as it is written, and nothing else is.</summary>
public class PageStateTests
{
    [Fact]
    public void What_the_EPCM_can_have_is_read_as_it_is_written()
    {
        string text = MachineNames.OfEntry(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending, blocked: true);
        Assert.Equal("PT_REG rw- PENDING BLOCKED", text);
        PageState state = Assert.NotNull(PageState.Read(text));
        Assert.Equal(text, state.ToString());
        Assert.True(state.IsInEpc && state.Has("PENDING") && !state.Has("PENDIN") && !state.Has("MODIFIED"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("removed")]
    [InlineData("written out")]
    [InlineData("no page")]
    [InlineData("PT_REG")]
    [InlineData("PT_REG rw-  PENDING")]
    [InlineData("PT_REG rw- BLOCKED PENDING")]
    [InlineData("</script>")]
    public void Nothing_else_is(string text) => Assert.Null(PageState.Read(text));

    [Fact]
    public void A_page_that_is_not_in_the_EPC_has_no_type()
    {
        Assert.False(PageState.None.IsInEpc || PageState.Removed.IsInEpc || PageState.WrittenOut.IsInEpc);
        Assert.False(PageState.WrittenOut.Has("out"));
        Assert.Equal(PageState.None, default);
    }
}
