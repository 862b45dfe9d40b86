using System.Globalization;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

public class StartingProgramTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_ends_when_nobody_gives_it_commands(bool fromMemory)
    {
        // So it ends with the process that started it, however that ends.
        using StartingProgram process = StartingProgram.Start(fromMemory);
        process.Dispose();
        Assert.Equal(process.Id, Ptrace.Wait(process.Id, block: true, out WaitStatus status));
        Assert.Equal((true, fromMemory ? JoiningProgram.Abandoned : 0), (status.Exited, status.ExitStatus));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_stops_itself_when_told(bool fromMemory)
    {
        using StartingProgram process = StoppedProcess.Start(fromMemory);
        Assert.Equal(Errno.None, HostKernel.Kill(process.Id, Signal.SIGCONT));
        process.Dispose();
        Assert.Equal(process.Id, Ptrace.Wait(process.Id, block: true, out WaitStatus status));
        Assert.Equal((true, fromMemory ? JoiningProgram.Abandoned : 0), (status.Exited, status.ExitStatus));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_has_no_environment_but_the_shells_directory(bool fromMemory)
    {
        // What is preloaded into the program is not to be preloaded into what waits to become it.
        using StartingProgram process = StoppedProcess.Start(fromMemory);
        string environment = File.ReadAllText($"/proc/{process.Id}/environ");
        process.End();
        Assert.Equal(fromMemory ? "" : "PWD=/proc/self/cwd\0", environment);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_has_the_streams_and_the_descriptor_that_is_told_and_no_other(bool fromMemory)
    {
        using StartingProgram process = StoppedProcess.Start(fromMemory);
        string[] open = [.. Directory.GetFiles($"/proc/{process.Id}/fd").Select(Path.GetFileName)
            .Where(name => !ClosesOnExec(process.Id, name!))!];
        process.End();
        Assert.Contains(process.Inherited.ToString(CultureInfo.InvariantCulture), open);
        Assert.DoesNotContain(open, name => int.Parse(name, CultureInfo.InvariantCulture) > 2
            && int.Parse(name, CultureInfo.InvariantCulture) != process.Inherited && !Inherits(name));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_has_default_signal_actions_and_an_empty_mask(bool fromMemory)
    {
        // This process ignores SIGPIPE, as every .NET process does; what it inherited as ignored may stay so.
        Assert.NotEqual(0ul, Mask(Environment.ProcessId, "SigIgn:") & (1ul << (Signal.SIGPIPE - 1)));
        using StartingProgram process = StoppedProcess.Start(fromMemory);
        ulong ignored = Mask(process.Id, "SigIgn:"), blocked = Mask(process.Id, "SigBlk:"),
            inherited = Mask(Environment.ProcessId, "SigIgn:");
        process.End();
        Assert.Equal(0ul, ignored & (1ul << (Signal.SIGPIPE - 1)));
        Assert.Equal(0ul, ignored & ~inherited);
        Assert.Equal(0ul, blocked);
    }

    [Fact]
    public void It_needs_no_file_of_the_system()
    {
        using StartingProgram process = StoppedProcess.Start();
        string? program = new FileInfo($"/proc/{process.Id}/exe").LinkTarget;
        process.End();
        Assert.StartsWith("/memfd:", program, StringComparison.Ordinal);
    }

    // What this process was started with is its own as well.
    private static bool Inherits(string descriptor) => File.Exists($"/proc/self/fdinfo/{descriptor}")
        && !ClosesOnExec(Environment.ProcessId, descriptor);

    private static bool ClosesOnExec(int process, string descriptor)
    {
        const int closeOnExec = 0x80000;
        string flags = File.ReadLines($"/proc/{process}/fdinfo/{descriptor}")
            .First(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return (Convert.ToInt32(flags[6..].Trim(), 8) & closeOnExec) != 0;
    }

    private static ulong Mask(int process, string name) =>
        ulong.Parse(HostKernel.StatusField(process, name)!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
