using System.Globalization;

namespace Cloister.Linux.Tests;

public class SpawnTests
{
    [Fact]
    public void The_child_is_a_shell_that_stops_itself()
    {
        int child = Spawn.Stopped();
        Assert.True(HostKernel.WaitUntilStopped(child));
        Assert.StartsWith("T", HostKernel.StatusField(child, "State:"), StringComparison.Ordinal);
        Assert.Equal("/bin/sh\0-c\0kill -STOP $$\0", File.ReadAllText($"/proc/{child}/cmdline"));
        Assert.Equal(Errno.None, HostKernel.Kill(child, Signal.SIGCONT));
        Assert.Equal(child, Ptrace.Wait(child, block: true, out WaitStatus status));
        Assert.Equal((true, 0), (status.Exited, status.ExitStatus));
    }

    [Fact]
    public void The_child_has_no_environment()
    {
        // What is preloaded into the program is not to be preloaded into the shell that waits to become it.
        int child = Spawn.Stopped();
        Assert.True(HostKernel.WaitUntilStopped(child));
        string environment = File.ReadAllText($"/proc/{child}/environ");
        _ = HostKernel.Kill(child, Signal.SIGKILL);
        _ = Ptrace.Wait(child, block: true, out _);
        Assert.Empty(environment);
    }

    [Fact]
    public void The_child_has_default_signal_actions_and_an_empty_mask()
    {
        // This process ignores SIGPIPE, as every .NET process does; what it inherited as ignored may stay so.
        Assert.NotEqual(0ul, Mask(Environment.ProcessId, "SigIgn:") & (1ul << (Signal.SIGPIPE - 1)));
        int child = Spawn.Stopped();
        Assert.True(HostKernel.WaitUntilStopped(child));
        ulong ignored = Mask(child, "SigIgn:"), blocked = Mask(child, "SigBlk:"), inherited = Mask(Environment.ProcessId, "SigIgn:");
        _ = HostKernel.Kill(child, Signal.SIGKILL);
        _ = Ptrace.Wait(child, block: true, out _);
        Assert.Equal(0ul, ignored & (1ul << (Signal.SIGPIPE - 1)));
        Assert.Equal(0ul, ignored & ~inherited);
        Assert.Equal(0ul, blocked);
    }

    [Fact]
    public void A_child_that_ends_instead_of_stopping_is_told()
    {
        int child = Spawn.Stopped();
        Assert.True(HostKernel.WaitUntilStopped(child));
        _ = HostKernel.Kill(child, Signal.SIGKILL);
        Assert.False(HostKernel.WaitUntilStopped(child));
    }

    private static ulong Mask(int process, string name) =>
        ulong.Parse(HostKernel.StatusField(process, name)!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
