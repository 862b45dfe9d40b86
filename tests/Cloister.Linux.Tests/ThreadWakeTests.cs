namespace Cloister.Linux.Tests;

/// <summary>A thread that waits in the kernel is got out of it.</summary>
public class ThreadWakeTests
{
    [Fact]
    public void A_wait_for_a_child_ends_and_the_child_lives_on()
    {
        using StartingProgram child = StartingProgram.Start();
        int waiting = 0, result = 0;
        var thread = new Thread(() =>
        {
            Volatile.Write(ref waiting, HostKernel.CurrentThread);
            result = Ptrace.WaitOnce(child.Id, block: true, out _);
        });
        thread.Start();
        Assert.True(
            Patience.Until(milliseconds => (Volatile.Read(ref waiting) != 0 && ThreadWake.Send(waiting))
                | thread.Join(Math.Min(milliseconds, 10)) && !thread.IsAlive, 30));
        Assert.Equal(-(int)Errno.EINTR, result);
        Assert.True(HostKernel.IsAlive(child.Id));
        child.End();
    }

    [Fact]
    public void A_thread_that_is_gone_is_not_woken() => Assert.False(ThreadWake.Send(int.MaxValue));
}
