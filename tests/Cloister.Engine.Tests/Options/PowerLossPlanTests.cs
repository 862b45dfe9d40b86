using Cloister.Engine.Options;

namespace Cloister.Engine.Tests.Options;

public class PowerLossPlanTests
{
    [Fact]
    public void Events_stand_with_commas_between_them()
    {
        PowerLossPlan? plan = PowerLossPlan.Parse("entry=3,ioctl=7,entry=12");
        Assert.NotNull(plan);
        Assert.Equal([3, 12], plan.Entries);
        Assert.Equal([7], plan.Ioctls);
    }

    [Theory]
    [InlineData("")]
    [InlineData("entry")]
    [InlineData("entry=")]
    [InlineData("entry=0")]
    [InlineData("entry=-1")]
    [InlineData("entry=1,")]
    [InlineData("exit=1")]
    [InlineData("ioctl= 1")]
    public void Anything_else_is_refused(string text) => Assert.Null(PowerLossPlan.Parse(text));
}
