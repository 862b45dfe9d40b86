namespace Cloister.Linux.Tests;

/// <summary><see cref="Keeper"/> and the machine code of <see cref="KeeperImage"/>.</summary>
public class KeeperTests
{
    [Fact]
    public void It_tells_how_the_program_ends()
    {
        using var keeper = Keeper.Start();
        Assert.True(SpinWait.SpinUntil(() => HostKernel.StatusField(keeper.Id, "State:") is ['S', ..], TimeSpan.FromSeconds(30)));
        keeper.Dispose();
        Assert.True(keeper.Next(out WaitStatus? end, out int signal));
        Assert.Equal((true, JoiningProgram.Abandoned, 0), (end!.Value.Exited, end.Value.ExitStatus, signal));
        keeper.EndAll();
        Assert.False(keeper.Next(out _, out _));
    }

    [Fact]
    public void It_ends_the_program_and_itself()
    {
        using var keeper = Keeper.Start();
        keeper.EndAll();
        while (keeper.Next(out _, out _))
        {
            // To its end.
        }

        Assert.True(SpinWait.SpinUntil(() => !HostKernel.IsAlive(keeper.Id), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void It_has_no_files_but_the_one_by_which_it_tells()
    {
        using var keeper = Keeper.Start();
        string parent = HostKernel.StatusField(keeper.Id, "PPid:")!.Trim();
        Assert.True(SpinWait.SpinUntil(() => Directory.GetFiles($"/proc/{parent}/fd").Length == 1, TimeSpan.FromSeconds(30)));
        Assert.Equal(Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture),
            HostKernel.StatusField(int.Parse(parent, System.Globalization.CultureInfo.InvariantCulture), "PPid:")!.Trim());
        keeper.EndAll();
    }
}
