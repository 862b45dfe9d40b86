namespace Cloister.Linux.Tests;

public class WaitStatusTests
{
    // The macros of wait(2): WIFEXITED, WIFSIGNALED, WIFSTOPPED, and ptrace(2) for events (status >> 16).
    [Theory]
    [InlineData(0x0000, 0)]
    [InlineData(0x0100, 1)]
    [InlineData(0xff00, 255)]
    [InlineData(0x7f00, 127)]
    public void Exit(int raw, int status)
    {
        var wait = new WaitStatus(raw);
        Assert.Equal((true, false, false), (wait.Exited, wait.Signaled, wait.Stopped));
        Assert.Equal(status, wait.ExitStatus);
    }

    [Theory]
    [InlineData(9, 9)]
    [InlineData(0x80 | 11, 11)] // with a core file
    [InlineData(1, 1)]
    [InlineData(64, 64)]
    [InlineData(0x80 | 126, 126)]
    public void End_by_signal(int raw, int signal)
    {
        var wait = new WaitStatus(raw);
        Assert.Equal((false, true, false), (wait.Exited, wait.Signaled, wait.Stopped));
        Assert.Equal(signal, wait.TerminatingSignal);
    }

    [Theory]
    [InlineData(0x137f, 19, PtraceEvent.None)]
    [InlineData(0x0b7f, 11, PtraceEvent.None)]
    [InlineData(0x857f, 0x85, PtraceEvent.None)] // system call stop with TRACESYSGOOD
    [InlineData(0x07057f, 5, PtraceEvent.Seccomp)]
    [InlineData(0x04057f, 5, PtraceEvent.Exec)]
    [InlineData(0x01057f, 5, PtraceEvent.Fork)]
    [InlineData(0x02057f, 5, PtraceEvent.Vfork)]
    [InlineData(0x03057f, 5, PtraceEvent.Clone)]
    [InlineData(0x05057f, 5, PtraceEvent.VforkDone)]
    [InlineData(0x06057f, 5, PtraceEvent.Exit)]
    [InlineData(0x80057f, 5, PtraceEvent.Stop)]
    [InlineData(0x80137f, 19, PtraceEvent.Stop)] // group stop
    public void Stop(int raw, int signal, PtraceEvent @event)
    {
        var wait = new WaitStatus(raw);
        Assert.Equal((false, false, true), (wait.Exited, wait.Signaled, wait.Stopped));
        Assert.Equal(signal, wait.StopSignal);
        Assert.Equal(@event, wait.Event);
    }

    [Fact]
    public void Continued()
    {
        // WCONTINUED's status is none of the three.
        var wait = new WaitStatus(0xffff);
        Assert.Equal((false, false, false), (wait.Exited, wait.Signaled, wait.Stopped));
    }
}
