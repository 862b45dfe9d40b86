using System.Globalization;

namespace Cloister.Linux.Tests;

public class SpawnTests
{
    [Fact]
    public void TheChildWaitsBeforeTheProgramBegins()
    {
        string mark = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        int child = Spawn.Stopped(["/bin/sh", "-c", $"echo begun > '{mark}'; exit 7"]);
        try
        {
            Assert.True(HostKernel.WaitUntilStopped(child));
            Assert.StartsWith("T", HostKernel.StatusField(child, "State:"), StringComparison.Ordinal);
            Assert.False(File.Exists(mark));
            Assert.Equal(Errno.None, HostKernel.Kill(child, Signal.SIGCONT));
            Assert.Equal(child, Ptrace.Wait(child, block: true, out WaitStatus status));
            Assert.Equal((true, 7), (status.Exited, status.ExitStatus));
            Assert.Equal("begun\n", File.ReadAllText(mark));
        }
        finally
        {
            File.Delete(mark);
        }
    }

    [Fact]
    public void ArgumentsAndEnvironmentArriveAsTheyAre()
    {
        string mark = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        const string variable = "CLOISTER_TEST_SPAWN";
        Environment.SetEnvironmentVariable(variable, "a value with 'quotes' and é");
        try
        {
            int child = Spawn.Stopped(["/bin/sh", "-c", $"printf '%s|' \"$@\" \"${variable}\" > '{mark}'", "name", "", "two words", "$HOME", "\"x\"", "é"]);
            Assert.True(HostKernel.WaitUntilStopped(child));
            _ = HostKernel.Kill(child, Signal.SIGCONT);
            _ = Ptrace.Wait(child, block: true, out _);
            Assert.Equal("|two words|$HOME|\"x\"|é|a value with 'quotes' and é|", File.ReadAllText(mark));
        }
        finally
        {
            Environment.SetEnvironmentVariable(variable, null);
            File.Delete(mark);
        }
    }

    [Fact]
    public void TheChildHasDefaultSignalActionsAndAnEmptyMask()
    {
        // This process ignores SIGPIPE, as every .NET process does; what it inherited as ignored may stay so.
        Assert.NotEqual(0ul, Mask(Environment.ProcessId, "SigIgn:") & (1ul << (Signal.SIGPIPE - 1)));
        int child = Spawn.Stopped(["/bin/true"]);
        Assert.True(HostKernel.WaitUntilStopped(child));
        ulong ignored = Mask(child, "SigIgn:"), blocked = Mask(child, "SigBlk:"), inherited = Mask(Environment.ProcessId, "SigIgn:");
        _ = HostKernel.Kill(child, Signal.SIGKILL);
        _ = Ptrace.Wait(child, block: true, out _);
        Assert.Equal(0ul, ignored & (1ul << (Signal.SIGPIPE - 1)));
        Assert.Equal(0ul, ignored & ~inherited);
        Assert.Equal(0ul, blocked);
    }

    [Fact]
    public void AChildThatEndsInsteadOfStoppingIsTold()
    {
        int child = Spawn.Stopped(["/bin/true"]);
        Assert.True(HostKernel.WaitUntilStopped(child));
        _ = HostKernel.Kill(child, Signal.SIGKILL);
        Assert.False(HostKernel.WaitUntilStopped(child));
    }

    private static ulong Mask(int process, string name) =>
        ulong.Parse(HostKernel.StatusField(process, name)!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
