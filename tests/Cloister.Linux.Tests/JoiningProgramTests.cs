using System.Globalization;

namespace Cloister.Linux.Tests;

public class JoiningProgramTests
{
    [Fact]
    public void What_waits_is_told_from_others_and_one_that_nobody_traces_is_left_alone()
    {
        Assert.False(JoiningProgram.Waits(Environment.ProcessId));
        Assert.False(JoiningProgram.Waits(int.MaxValue));
        using var waiting = StartingProgram.Start();
        Assert.True(SpinWait.SpinUntil(() => JoiningProgram.Waits(waiting.Id), TimeSpan.FromSeconds(30)));
        bool told = false;
        using var guest = new JoiningProgram(waiting.Id, waiting.Inherited, () => told = true);
        guest.StopItself();
        Assert.True(told);
        guest.Kill();
        Assert.True(HostKernel.IsAlive(waiting.Id));
        Assert.Equal(waiting.Inherited.ToString(CultureInfo.InvariantCulture), guest.Inherited.ToString(CultureInfo.InvariantCulture));
        waiting.End();
    }

    [Fact]
    public void What_cannot_wait_says_why() => Assert.Equal(Errno.EBADF, JoiningProgram.Become(int.MaxValue, 0));
}
