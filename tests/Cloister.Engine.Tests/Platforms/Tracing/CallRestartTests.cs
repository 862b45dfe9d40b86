using Cloister.Engine.Platforms.Tracing;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public class CallRestartTests
{
    [Theory]
    [InlineData(-512)]
    [InlineData(-513)]
    [InlineData(-514)]
    [InlineData(-516)]
    public void The_kernels_own_numbers_ask_for_it(long result) => Assert.True(CallRestart.IsAsked(result));

    [Theory]
    [InlineData(0)]
    [InlineData(-4)] // EINTR
    [InlineData(-515)] // ENOIOCTLCMD
    [InlineData(512)]
    public void Others_do_not(long result) => Assert.False(CallRestart.IsAsked(result));
}
