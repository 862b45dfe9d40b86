using System.Globalization;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

public class StartingShellTests
{
    [Fact]
    public void It_ends_when_nobody_gives_it_commands()
    {
        // So it ends with the process that started it, however that ends.
        using StartingShell shell = StartingShell.Start();
        shell.Dispose();
        Assert.Equal(shell.Id, Ptrace.Wait(shell.Id, block: true, out WaitStatus status));
        Assert.Equal((true, 0), (status.Exited, status.ExitStatus));
    }

    [Fact]
    public void It_stops_itself_when_told()
    {
        using StartingShell shell = StoppedShell.Start();
        Assert.Equal(Errno.None, HostKernel.Kill(shell.Id, Signal.SIGCONT));
        shell.Dispose();
        Assert.Equal(shell.Id, Ptrace.Wait(shell.Id, block: true, out WaitStatus status));
        Assert.Equal((true, 0), (status.Exited, status.ExitStatus));
    }

    [Fact]
    public void It_has_no_environment_but_its_directory()
    {
        // What is preloaded into the program is not to be preloaded into the shell that waits to become it.
        using StartingShell shell = StoppedShell.Start();
        string environment = File.ReadAllText($"/proc/{shell.Id}/environ");
        shell.End();
        Assert.Equal("PWD=/proc/self/cwd\0", environment);
    }

    [Fact]
    public void It_has_the_streams_and_the_descriptor_that_is_told_and_no_other()
    {
        using StartingShell shell = StoppedShell.Start();
        string[] open = [.. Directory.GetFiles($"/proc/{shell.Id}/fd").Select(Path.GetFileName).Where(name => !ClosesOnExec(shell.Id, name!))!];
        shell.End();
        Assert.Contains(shell.Inherited.ToString(CultureInfo.InvariantCulture), open);
        Assert.DoesNotContain(open, name => int.Parse(name, CultureInfo.InvariantCulture) > 2
            && int.Parse(name, CultureInfo.InvariantCulture) != shell.Inherited && !Inherits(name));
    }

    [Fact]
    public void It_has_default_signal_actions_and_an_empty_mask()
    {
        // This process ignores SIGPIPE, as every .NET process does; what it inherited as ignored may stay so.
        Assert.NotEqual(0ul, Mask(Environment.ProcessId, "SigIgn:") & (1ul << (Signal.SIGPIPE - 1)));
        using StartingShell shell = StoppedShell.Start();
        ulong ignored = Mask(shell.Id, "SigIgn:"), blocked = Mask(shell.Id, "SigBlk:"), inherited = Mask(Environment.ProcessId, "SigIgn:");
        shell.End();
        Assert.Equal(0ul, ignored & (1ul << (Signal.SIGPIPE - 1)));
        Assert.Equal(0ul, ignored & ~inherited);
        Assert.Equal(0ul, blocked);
    }

    // What this process was started with is its own as well.
    private static bool Inherits(string descriptor) => File.Exists($"/proc/self/fdinfo/{descriptor}") && !ClosesOnExec(Environment.ProcessId, descriptor);

    private static bool ClosesOnExec(int process, string descriptor)
    {
        const int closeOnExec = 0x80000;
        string flags = File.ReadLines($"/proc/{process}/fdinfo/{descriptor}").First(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return (Convert.ToInt32(flags[6..].Trim(), 8) & closeOnExec) != 0;
    }

    private static ulong Mask(int process, string name) =>
        ulong.Parse(HostKernel.StatusField(process, name)!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
