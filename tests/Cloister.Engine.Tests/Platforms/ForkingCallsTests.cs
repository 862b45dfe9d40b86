using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms;

public class ForkingCallsTests
{
    [Fact]
    public void Four_calls_make_processes_or_threads()
    {
        // arch/x86/entry/syscalls/syscall_64.tbl: clone, fork, vfork, clone3.
        Assert.Equal([56, 57, 58, 435], Enumerable.Range(0, 500).Where(call => ForkingCalls.Contains(call)));
        Assert.False(ForkingCalls.Contains(SystemCall.Getpid) || ForkingCalls.Contains(-1));
    }
}
